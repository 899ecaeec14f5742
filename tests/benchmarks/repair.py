"""Whether what `check` proposes makes networks train: those of `check_calibration` that never learned, repaired.

    python tests/benchmarks/repair.py

A network whose three draws all failed is checked, repaired as its report says, gains and learning rate, and trained
again. Half an hour on one core at most; prints a table.
"""

from collections import defaultdict

import torch

from infoflow.engine.initialization import generator
from infoflow.modules.check import check
from infoflow.modules.repair import rescale, with_rate
from infoflow.modules.training import train
from infoflow.studies.check_calibration.networks.case import Case, draw
from infoflow.studies.check_calibration.networks.families import FAMILIES
from infoflow.studies.check_calibration.networks.tasks import load_task
from infoflow.studies.check_calibration.table import read_table

LEFT_OUT = ("dropout", "dying", "plane", "transformer_post", "transformer_pre", "resnet_norm")
"""What gains and a rate cannot repair, and what takes long to train."""
SAMPLES = 384


def repaired(case: Case) -> tuple[float, bool] | None:
    """Probability after the repair, as the report says, and whether the network then learned; None without a repair."""
    task, model = load_task(case.data), draw(case, 0)
    repair = check(model, task.inputs[:SAMPLES], task.targets[:SAMPLES], optimizer=case.recipe).repair
    if repair.verdict is None:
        return None
    rescale(model, repair)
    recipe = with_rate(case.recipe, repair.learning_rate)
    stream = generator(0, "repaired", case.name, case.arm)
    outcome = train(model, task.inputs, task.targets, recipe, stream, task.evaluation)
    return repair.verdict.probability, outcome.succeeded


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    table = read_table()
    learned = set(table.networks[table.learned])
    found = defaultdict(list)
    for case in FAMILIES:
        if case.family not in LEFT_OUT and f"{case.name}/{case.arm}" not in learned:
            found[case.family].append(repaired(case))
    print("| family | never learned | no repair | said > 0.5: trained | said > 0.7: trained |\n|---|---|---|---|---|")
    for family, all_ in [*found.items(), ("all", [one for some in found.values() for one in some])]:
        proposed = [one for one in all_ if one is not None]
        cells = []
        for least in (0.5, 0.7):
            some = [trained for said, trained in proposed if said > least]
            cells.append(f"{len(some)}: {sum(some)}")
        print(f"| {family} | {len(all_)} | {len(all_) - len(proposed)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
