"""Fit the rule of `check`, and test it on families of networks that it has not seen. Source: physics.md G3."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from infoflow.streams import stream
from infoflow.studies.check_calibration.table import Table
from infoflow.verdict.auroc import auroc

FITS, RESAMPLES = 40, 400
VERSION = 1
PRIOR, WIDTH = 1.0, 0.03**0.5
"""Of the coefficients of features that are divided by their standard deviations: minus the mean, and the standard
deviation of a Gaussian. Every feature but those of `NEUTRAL` is a defect, which can only lower the odds."""
NEUTRAL = ("adam",)


def fit(table: Table, chosen: np.ndarray, learned: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """The most probable coefficients [F] and intercept, in the units of the features.

    Args:
        table: whose features say in what units the prior is, by all networks, also those that are not fitted to.
        chosen: numbers of the networks that are fitted to; one can be there several times.
        learned: [N], if not that of the table.
    """
    scale = table.features.std(0)
    scale[scale < 1e-6] = 1.0
    defect = np.array([n not in NEUTRAL for n in table.names])
    mean = np.where(defect, -PRIOR, 0.0)
    features = table.features[chosen] / scale
    sign = np.where((table.learned if learned is None else learned)[chosen], 1.0, -1.0)

    def lost(at: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (features @ at[:-1] + at[-1])
        slope = -sign / (1 + np.exp(np.minimum(margin, 500)))
        off = at[:-1] - mean
        value = np.logaddexp(0, -margin).sum() + 0.5 * (off @ off) / WIDTH**2
        return float(value), np.append(features.T @ slope + off / WIDTH**2, slope.sum())

    bounds = [(None, 0.0) if d else (None, None) for d in defect] + [(None, None)]
    found = minimize(
        lost, np.append(mean, 1.0), jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12, "maxiter": 2000}
    )
    return found.x[:-1] / scale, float(found.x[-1])


def held_out(table: Table) -> np.ndarray:
    """Log odds of each network by a fit to all other families, [N]."""
    odds = np.full(len(table), np.nan)
    for family in np.unique(table.families):
        own = table.families == family
        coefficients, intercept = fit(table, np.flatnonzero(~own))
        odds[own] = table.features[own] @ coefficients + intercept
    return odds


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
    """Coefficients [K, F], intercepts [K]: of all networks, and of networks that are drawn again within each family."""
    rng = stream(0, "check calibration", "fits")
    names, index = np.unique(table.networks, return_inverse=True)
    members = [np.flatnonzero(index == k) for k in range(len(names))]
    of_family = [
        [k for k, own in enumerate(members) if table.families[own[0]] == family] for family in np.unique(table.families)
    ]
    found = [fit(table, np.arange(len(table)))]
    for _ in range(FITS - 1):
        drawn = [k for own in of_family for k in rng.choice(own, len(own))]
        found.append(fit(table, np.concatenate([members[k] for k in drawn])))
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
