"""Fit the rule of `check`, and test it on families of networks that it has not seen. Source: physics.md G3."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from infoflow.streams import stream
from infoflow.studies.check_calibration.table import Table

FITS, RESAMPLES = 40, 400
VERSION = 1
STRENGTH = 1.0
"""Inverse strength of the penalty on the coefficients of standardised features."""


def fit(features: np.ndarray, learned: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients [F] and intercept, in the units of the features [N, F]."""
    mean, scale = features.mean(0), features.std(0)
    scale[scale < 1e-6] = 1.0
    found = LogisticRegression(C=STRENGTH, max_iter=5000, tol=1e-8).fit((features - mean) / scale, learned)
    coefficients = found.coef_[0] / scale
    return coefficients, float(found.intercept_[0] - coefficients @ mean)


def held_out(table: Table) -> np.ndarray:
    """Log odds of each network by a fit to all other families, [N]."""
    odds = np.full(len(table), np.nan)
    for family in np.unique(table.families):
        own = table.families == family
        coefficients, intercept = fit(table.features[~own], table.learned[~own])
        odds[own] = table.features[own] @ coefficients + intercept
    return odds


def auroc(score: np.ndarray, learned: np.ndarray) -> float:
    """Probability that a network that learned scores above one that did not; NaN without either."""
    one, other = score[learned], score[~learned]
    if not len(one) or not len(other):
        return float("nan")
    return float((one[:, None] > other).mean() + 0.5 * (one[:, None] == other).mean())


def interval(score: np.ndarray, table: Table) -> tuple[float, float]:
    """95 % interval of the AUROC over networks; seeds of a network stay together."""
    rng = stream(0, "check calibration", "interval")
    names, index = np.unique(table.networks, return_inverse=True)
    members = [np.flatnonzero(index == k) for k in range(len(names))]
    found = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([members[k] for k in rng.integers(0, len(names), len(names))])
        found.append(auroc(score[chosen], table.learned[chosen]))
    low, high = np.nanquantile(found, (0.025, 0.975))
    return float(low), float(high)


def fit_all(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [K, F], intercepts [K]: of all networks, and of networks drawn again within drawn families."""
    rng = stream(0, "check calibration", "fits")
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


def tests(table: Table, odds: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """AUROC with its interval, of the rule on families that it has not seen and of the baselines."""
    scores = {"rule": odds, **table.baselines}
    return {name: (auroc(s, table.learned), *interval(s, table)) for name, s in scores.items()}


def make_rule(table: Table) -> dict[str, Any]:
    """What `modules/rule.json` holds."""
    coefficients, intercepts = fit_all(table)
    tested = {name: [round(v, 3) for v in values] for name, values in tests(table, held_out(table)).items()}
    about = {
        "version": VERSION,
        "networks": len(table),
        "families": sorted(np.unique(table.families).tolist()),
        "held_out_auroc": tested.pop("rule"),
        "baselines": tested,
    }
    return {
        "features": list(table.names),
        "coefficients": [[round(v, 5) for v in row] for row in coefficients.tolist()],
        "intercepts": [round(v, 5) for v in intercepts.tolist()],
        "about": about,
    }


def write_rule(rule: Mapping[str, Any], path: Path) -> None:
    """As JSON."""
    path.write_text(json.dumps(rule, indent=1) + "\n", encoding="utf-8")
