"""Measure the networks of the collection before any training, a line of JSON each; what is there is not measured again.

python -m infoflow.studies.check_calibration.measure_networks results/check_calibration/signals.jsonl [cases|families]
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from infoflow.engine.initialization import generator
from infoflow.modules.capture import cut, untouched
from infoflow.modules.check import make_task
from infoflow.modules.signals import Signals, measure
from infoflow.modules.training import LOSSES
from infoflow.studies.check_calibration.networks.case import Case, draw
from infoflow.studies.check_calibration.networks.cases import CASES
from infoflow.studies.check_calibration.networks.families import FAMILIES
from infoflow.studies.check_calibration.networks.tasks import load_task

COLLECTIONS = {"cases": CASES, "families": FAMILIES}


def measure_case(case: Case, seed: int) -> Signals:
    """Of the network of a seed."""
    data = load_task(case.data)
    loss = case.recipe.loss if callable(case.recipe.loss) else LOSSES[case.recipe.loss]
    task = make_task(data.inputs, data.targets, loss, 1e-4)
    model = draw(case, seed)
    with untouched(model):
        return measure(cut(model, task.batch), task, generator(seed, "check"))


def to_line(case: Case, seed: int, signals: Signals) -> str:
    """As JSON; five digits are more than enough."""
    layers = {n: [_short(v) for v in values] for n, values in signals.layers.items()}
    return json.dumps([case.name, case.arm, seed, layers, {n: _short(v) for n, v in signals.whole.items()}])


def read_lines(path: Path) -> dict[tuple[str, str, int], Signals]:
    """By name, arm and seed; a last line that is not whole is left out."""
    found = {}
    if path.is_file():
        for line in path.read_text().splitlines():
            try:
                name, arm, seed, layers, whole = json.loads(line)
            except json.JSONDecodeError:
                continue
            found[name, arm, seed] = Signals({n: np.array(v, float) for n, v in layers.items()}, whole)
    return found


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def main(arguments: Sequence[str]) -> int:
    """Exit status."""
    path, names = Path(arguments[0]), arguments[1:] or list(COLLECTIONS)
    path.parent.mkdir(parents=True, exist_ok=True)
    known = read_lines(path)
    torch.set_num_threads(1)
    with path.open("a") as file:
        for name in names:
            for case in COLLECTIONS[name]:
                for seed in range(case.seeds):
                    if (case.name, case.arm, seed) not in known:
                        file.write(to_line(case, seed, measure_case(case, seed)) + "\n")
                        file.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
