"""What one network of the collection is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from infoflow.engine.initialization import generator
from infoflow.modules.training import Outcome, Recipe, train
from infoflow.studies.check_calibration.networks.tasks import load_task

FAILS, TRAINS, VARIES = "fails", "trains", "varies"
"""What is known beforehand: no seed learns, every seed does, or it depends on the seed."""


@dataclass(frozen=True)
class Case:
    """A network, its data and how it is trained.

    Attributes:
        name: of the network; with `arm` it is unique.
        family: networks of one kind.
        arm: which variant of the network or of its training.
        build: draws a network, from torch's global random state as a user's code does.
        data: name of its task, see `tasks`.
        recipe: how it is trained, and what counts as learned.
        mechanism: why it fails, where that is known: `shrinking`, `exploding`, `dead output`, `dead units`, `step`,
            `input scale`, `capacity`, `noise`, `slow`, `equal layers`; None where it trains or nobody knows.
        expected: `fails`, `trains` or `varies`, where it is known beforehand.
        seeds: how many networks are drawn and trained.
        facts: what is trivially known of the network, like `depth` (layers with weights, or blocks) and `width`.
    """

    name: str
    family: str
    arm: str
    build: Callable[[], nn.Module]
    data: str
    recipe: Recipe
    mechanism: str | None = None
    expected: str | None = None
    seeds: int = 3
    facts: Mapping[str, Any] = field(default_factory=dict)


def draw(case: Case, seed: int) -> nn.Module:
    """The network of a seed; torch's global random state is left as it was."""
    with torch.random.fork_rng([]):
        torch.random.default_generator.manual_seed(seed)
        return case.build()


def train_case(case: Case, seed: int, data_root: str | None = None) -> Outcome:
    """Train the network of a seed by its recipe; a seed has an order of samples of its own."""
    task = load_task(case.data, data_root)
    stream = generator(seed, "check calibration", case.name, case.arm)
    return train(draw(case, seed), task.inputs, task.targets, case.recipe, stream, task.evaluation)
