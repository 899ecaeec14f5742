"""Rows of the table: a network is measured, and a copy of it takes its first steps, before it is trained."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from infoflow.engine.initialization import generator
from infoflow.modules.capture import cut, untouched
from infoflow.modules.check import make_task
from infoflow.modules.first_steps import FirstSteps, look_ahead
from infoflow.modules.signals import Signals, measure
from infoflow.modules.training import LOSSES
from infoflow.modules.verdict import features
from infoflow.studies.check_calibration.networks.case import Case, draw
from infoflow.studies.check_calibration.networks.tasks import load_task


def measure_case(case: Case, seed: int, data_root: str | None = None) -> tuple[Signals, FirstSteps]:
    """Of the network of a seed, as `infoflow.check` does it."""
    data = load_task(case.data, data_root)
    loss = case.recipe.loss if callable(case.recipe.loss) else LOSSES[case.recipe.loss]
    task = make_task(data.inputs, data.targets, loss)
    model = draw(case, seed)
    with untouched(model):
        blocks = cut(model, task.batch)
        signals = measure(blocks, task, generator(seed, "check"))
    with untouched(model):
        return signals, look_ahead(blocks, task, case.recipe, generator(seed, "first steps"))


def make_row(case: Case, seed: int, measured: tuple[Signals, FirstSteps], learned: bool) -> dict[str, Any]:
    """See `table`."""
    signals, first = measured
    return {
        "network": f"{case.name}/{case.arm}",
        "family": case.family,
        "seed": seed,
        "learned": int(learned),
        **baselines(case.facts, signals),
        **features(signals, case.recipe, first),
    }


def baselines(facts: Mapping[str, Any], signals: Signals) -> dict[str, float]:
    """See `table.BASELINES`."""
    gradients = signals.layers["log_gradient"]
    ratio = abs(gradients[0] - gradients[-1]) if np.isfinite(gradients[[0, -1]]).all() else 1e3
    return {
        "depth": -float(facts.get("depth", len(signals.layers["entropy"]))),
        "parameters": -float(signals.whole["parameters"]),
        "gradient_ratio": -float(ratio),
    }
