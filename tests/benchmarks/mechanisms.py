"""Whether `check` names what is wrong with networks whose fault is known by how they were made.

    python tests/benchmarks/mechanisms.py

All networks of `check_calibration` whose construction tells why they fail; counted are those of which no draw learned.
Beside them those that learned in every draw, which have nothing wrong with them that matters. A mechanism is named if
more than half of the draws show it, as in a report. Writes `mechanisms.md`, for which it measures three draws of every
network, and trains none; ten minutes.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import torch

from infoflow.files.results import replaced
from infoflow.modules.verdict import MECHANISMS, explain
from infoflow.studies.check_calibration.networks.case import Case
from infoflow.studies.check_calibration.networks.families import FAMILIES
from infoflow.studies.check_calibration.rows import measure_case
from infoflow.studies.check_calibration.table import read_table

OUTPUT = Path(__file__).with_suffix(".md")
DRAWS = 3
INNOCENT = "none: it learns"
EXPECTED: dict[str, tuple[str, ...]] = {
    "weights too small": ("shrinks", "forgets"),
    "weights too large, unbounded units": ("explodes",),
    "weights too large, saturating units": ("scrambles",),
    "learning rate too large": ("step too large",),
    "learning rate too small": ("step too small",),
    "dropout": ("noise of training",),
    "too narrow, 2 inputs": ("too narrow",),
    "too narrow, 64 inputs": ("too narrow",),
    "one layer spoiled": ("out of line",),
    "dead outputs": ("dead output",),
    "inputs of another scale": ("input scale",),
}
"""Cause by construction, and the names of which one has to be among the named."""
_LARGE = (
    "sgd:3",
    "sgd:30",
    "sgd:100",
    "sgd:1,momentum=0.9",
    "adam:0.03",
    "adam:0.1",
    "adam:0.3",
    "adam:1",
    "adamw:0.3",
)
_SMALL = ("sgd:0.0001", "sgd:0.0003", "adam:1e-5")


def cause_of(case: Case) -> str | None:
    """Why a network fails, if it does; None, if its construction does not tell."""
    family, facts = case.family, case.facts
    if family in ("mlp_rates", "mlp_norm", "cnn_norm", "resnet_norm", "transformer_pre", "transformer_post"):
        if facts.get("initialisation") == "large" or "gain" in facts:
            return None  # two causes at once
        return _by_rate(case.arm)
    if family == "dropout":
        return "dropout"
    if family == "dying":
        return "dead outputs" if facts["shift"] < 0 else None
    if family in ("plane", "narrow"):
        return f"too narrow, {2 if family == 'plane' else 64} inputs" if facts["width"] <= 2 else None
    if family == "spoiled":
        return "one layer spoiled" if facts["spoiling"] in ("zero", "tiny", "weak", "huge", "shifted_down") else None
    if case.data == "fashion_255":
        return "inputs of another scale"
    return _by_weights(case)


def _by_rate(arm: str) -> str | None:
    return "learning rate too large" if arm in _LARGE else "learning rate too small" if arm in _SMALL else None


def _by_weights(case: Case) -> str | None:
    """Of a network without norms, by the variance of its weights."""
    how, sigma_w2 = case.facts.get("initialisation"), case.facts.get("sigma_w2")
    saturating = case.family == "mlp_tanh" or case.facts.get("activation") == "sigmoid"
    residual = case.family in ("resnet", "mlp_residual")
    if how == "large" or (sigma_w2 or 0) >= 4:
        return f"weights too large, {'saturating' if saturating else 'unbounded'} units"
    if not residual and (how in ("default", "glorot", "lecun", "orthogonal", "small") or (sigma_w2 or 1) < 1):
        return "weights too small"
    return None


def named(case: Case) -> set[str]:
    """Mechanisms that are named of a network."""
    signals, first = zip(*(measure_case(case, seed) for seed in range(DRAWS)))
    blocks = [str(l) for l in range(len(signals[0].layers["entropy"]))]
    return {m.name for m in explain(signals, blocks, case.recipe, first) if m.share > 0.5}


def known() -> Iterator[tuple[str, Case]]:
    """Networks of which no draw learned, with their cause, and those that learned in every draw."""
    table, learned = read_table(), defaultdict(list)
    for name, one in zip(table.networks, table.learned):
        learned[name].append(bool(one))
    for case in FAMILIES:
        came = learned[f"{case.name}/{case.arm}"]
        if all(came):
            yield INNOCENT, case
        elif not any(came) and (cause := cause_of(case)) is not None:
            yield cause, case


def main() -> None:
    """Write the table."""
    torch.set_num_threads(1)
    found: dict[str, list[set[str]]] = {cause: [] for cause in (*EXPECTED, INNOCENT)}
    for k, (cause, case) in enumerate(known(), start=1):
        found[cause].append(named(case))
        print(k, cause, f"{case.name}/{case.arm}", sorted(found[cause][-1]), flush=True)
    with replaced(OUTPUT) as temporary:
        temporary.write_text(_table({cause: all_ for cause, all_ in found.items() if all_}), encoding="utf-8")


def _table(found: dict[str, list[set[str]]]) -> str:
    """Of each cause: networks, share of those with an expected name, share of those with each of the names."""
    columns = [m for m in MECHANISMS if any(m in some for all_ in found.values() for some in all_)]
    lines = [
        "# What is named",
        "",
        "Made by `python tests/benchmarks/mechanisms.py`: true cause × named mechanism, per cent of the networks; what "
        "is expected is bold. *right*: an expected one is among the named; of networks that learn: nothing is named.",
        "",
        f"| cause | networks | right | {' | '.join(columns)} |",
        f"|---|---|---|{'---|' * len(columns)}",
    ]
    for cause, all_ in found.items():
        expected = EXPECTED.get(cause, ())
        right = sum(not some if cause == INNOCENT else bool(some & set(expected)) for some in all_)
        cells = [_share(sum(m in some for some in all_), len(all_), m in expected) for m in columns]
        lines.append(f"| {cause} | {len(all_)} | {_share(right, len(all_), False) or '0'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _share(number: int, of: int, bold: bool) -> str:
    text = f"{100 * number / of:.0f}"
    return f"**{text}**" if bold else text if number else ""


if __name__ == "__main__":
    main()
