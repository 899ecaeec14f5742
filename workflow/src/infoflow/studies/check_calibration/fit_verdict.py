"""Fit the rule of `check`'s verdict to trained networks, and test it on families that it has not seen.

    python -m infoflow.studies.check_calibration.fit_verdict results/check_calibration/signals.jsonl

Reads `truth_families.csv` beside this module, writes `features.csv` beside it, `modules/rule.json`, and prints the
tests. Source: physics.md G.
"""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from infoflow.modules.signals import Signals
from infoflow.modules.verdict import RULE, features
from infoflow.studies.check_calibration.measure_networks import COLLECTIONS, read_lines
from infoflow.studies.check_calibration.networks.case import Case

HERE = Path(__file__).parent
FITS = 40
STRENGTH = 1.0
"""Inverse strength of the penalty on the coefficients of standardised features."""


def read_truth(path: Path) -> dict[tuple[str, str, int], bool]:
    """Whether the network of a name, arm and seed learned."""
    with path.open(newline="") as file:
        return {
            (r["name"], r["arm"], int(r["seed"])): r["succeeded"] in ("True", "1", "true") for r in csv.DictReader(file)
        }


def baselines(case: Case, signals: Signals) -> dict[str, float]:
    """Scores that need no rule, higher for what is more likely to train."""
    gradients = signals.layers["log_gradient"]
    ratio = abs(gradients[0] - gradients[-1]) if np.isfinite(gradients[[0, -1]]).all() else 1e3
    return {
        "depth": -float(case.facts.get("depth", len(signals.layers["entropy"]))),
        "parameters": -float(signals.whole["parameters"]),
        "gradient_ratio": -float(ratio),
    }


class Table:
    """Networks with their truth: features [N, F], whether each learned [N], family and network of each [N]."""

    def __init__(self, cases: Sequence[Case], truth: Mapping, signals: Mapping[tuple, Signals]):
        self.rows = [
            (c, s, signals[c.name, c.arm, s], truth[c.name, c.arm, s])
            for c in cases
            for s in range(c.seeds)
            if (c.name, c.arm, s) in truth and (c.name, c.arm, s) in signals
        ]
        found = [features(s, c.recipe) for c, _, s, _ in self.rows]
        self.names = tuple(found[0])
        self.features = np.array([list(f.values()) for f in found])
        self.learned = np.array([t for *_, t in self.rows])
        self.families = np.array([c.family for c, *_ in self.rows])
        self.networks = np.array([f"{c.name}/{c.arm}" for c, *_ in self.rows])
        scores = [baselines(c, s) for c, _, s, _ in self.rows]
        self.baselines = {n: np.array([s[n] for s in scores]) for n in scores[0]}


def fit(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients and intercept, in the units of the features."""
    mean, scale = x.mean(0), x.std(0)
    scale[scale < 1e-6] = 1.0
    found = LogisticRegression(C=STRENGTH, max_iter=2000).fit((x - mean) / scale, y)
    coefficients = found.coef_[0] / scale
    return coefficients, float(found.intercept_[0] - coefficients @ mean)


def held_out(table: Table) -> np.ndarray:
    """Log odds of each network by a fit to all other families."""
    odds = np.full(len(table.learned), np.nan)
    for family in np.unique(table.families):
        own = table.families == family
        coefficients, intercept = fit(table.features[~own], table.learned[~own])
        odds[own] = table.features[own] @ coefficients + intercept
    return odds


def auroc(score: np.ndarray, learned: np.ndarray) -> float:
    """Probability that a network that learned scores above one that did not."""
    one, other = score[learned], score[~learned]
    if not len(one) or not len(other):
        return float("nan")
    return float((one[:, None] > other).mean() + 0.5 * (one[:, None] == other).mean())


def interval(score: np.ndarray, table: Table, draws: int = 400) -> tuple[float, float]:
    """95 %, over networks; seeds of a network stay together."""
    rng = np.random.default_rng(0)
    names, index = np.unique(table.networks, return_inverse=True)
    members = [np.flatnonzero(index == k) for k in range(len(names))]
    found = []
    for _ in range(draws):
        chosen = np.concatenate([members[k] for k in rng.integers(0, len(names), len(names))])
        found.append(auroc(score[chosen], table.learned[chosen]))
    return tuple(float(q) for q in np.nanquantile(found, (0.025, 0.975)))


def fit_all(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [K, F], intercepts [K]: of all networks, and of networks drawn again within drawn families."""
    rng = np.random.default_rng(0)
    found = [fit(table.features, table.learned)]
    families = np.unique(table.families)
    while len(found) < FITS:
        rows = []
        for family in rng.choice(families, len(families)):
            own = np.flatnonzero(table.families == family)
            rows.append(rng.choice(own, len(own)))
        chosen = np.concatenate(rows)
        if len(np.unique(table.learned[chosen])) == 2:
            found.append(fit(table.features[chosen], table.learned[chosen]))
    return np.array([c for c, _ in found]), np.array([i for _, i in found])


def main(arguments: Sequence[str]) -> int:
    """Exit status."""
    signals = read_lines(Path(arguments[0]))
    table = Table(COLLECTIONS["families"], read_truth(HERE / "truth_families.csv"), signals)
    coefficients, intercepts = fit_all(table)
    odds = held_out(table)
    low, high = interval(odds, table)
    print(
        f"{len(table.learned)} networks of {len(np.unique(table.families))} families, {table.learned.mean():.0%} learn"
    )
    print(f"held-out AUROC {auroc(odds, table.learned):.3f} [{low:.3f}, {high:.3f}]")
    tested = {"rule": (auroc(odds, table.learned), low, high)}
    for name, score in table.baselines.items():
        tested[name] = (auroc(score, table.learned), *interval(score, table))
        print(f"  {name}: {tested[name][0]:.3f} [{tested[name][1]:.3f}, {tested[name][2]:.3f}]")
    for family in np.unique(table.families):
        own = table.families == family
        right = ((odds > 0) == table.learned)[own].mean()
        found = f"AUROC {auroc(odds[own], table.learned[own]):.3f}, right {right:.0%}"
        print(f"  {family}: {own.sum()} networks, {table.learned[own].mean():.0%} learn, {found}")
    probability = 1 / (1 + np.exp(-odds))
    for a, b in zip(np.linspace(0, 0.9, 10), np.linspace(0.1, 1, 10)):
        inside = (probability >= a) & (probability < b)
        if inside.any():
            print(f"  said {a:.1f}-{b:.1f}: {inside.sum()} networks, {table.learned[inside].mean():.2f} learn")
    for name, value in sorted(zip(table.names, coefficients[0]), key=lambda p: -abs(p[1])):
        print(f"    {name} {value:+.2f}")
    about = {
        "version": 1,
        "networks": len(table.learned),
        "families": sorted(np.unique(table.families).tolist()),
        "held_out_auroc": [round(v, 3) for v in tested["rule"]],
        "baselines": {n: [round(v, 3) for v in t] for n, t in tested.items() if n != "rule"},
    }
    rule = {
        "features": list(table.names),
        "coefficients": [[round(v, 5) for v in row] for row in coefficients.tolist()],
        "intercepts": [round(v, 5) for v in intercepts.tolist()],
        "about": about,
    }
    RULE.write_text(json.dumps(rule, indent=1) + "\n", encoding="utf-8")
    with (HERE / "features.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["network", "family", "seed", "learned", *table.names])
        for (c, s, _, t), values in zip(table.rows, table.features):
            writer.writerow([f"{c.name}/{c.arm}", c.family, s, int(t), *(f"{v:.4g}" for v in values)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
