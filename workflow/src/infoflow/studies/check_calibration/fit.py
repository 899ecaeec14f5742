"""Fit the rules of `check`, and test them on families of networks that they have not seen. Source: physics.md G3.

    python -m infoflow.studies.check_calibration.fit

prints the AUROC of the rules, on families that they have not seen and in sample, of the baselines, and the ceiling.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from infoflow.modules.verdict import FIRST_STEPS
from infoflow.modules.verdict import WITH as RULE_WITH
from infoflow.modules.verdict import WITHOUT as RULE_WITHOUT
from infoflow.streams import stream
from infoflow.studies.check_calibration.table import Table, read_table
from infoflow.studies.check_calibration.variables import CEILING, RULE, WITHOUT
from infoflow.verdict.auroc import auroc

FITS, RESAMPLES = 40, 400
VERSION = 3
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


def other_draws(table: Table) -> np.ndarray:
    """Share of the other seeds of each network that learned, [N]; ½ where there is no other."""
    found = np.full(len(table), 0.5)
    for name in np.unique(table.networks):
        own = np.flatnonzero(table.networks == name)
        if len(own) > 1:
            found[own] = (table.learned[own].sum() - table.learned[own]) / (len(own) - 1)
    return found


def held_out_all(table: Table) -> dict[str, np.ndarray]:
    """Log odds by `held_out` of both rules, by the names of `variables`."""
    return {RULE: held_out(table), WITHOUT: held_out(table.without(FIRST_STEPS))}


def tests(table: Table, odds: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float, float]]:
    """AUROC with its interval, of the rules on families that they have not seen, of the baselines, and the ceiling."""
    scores = {**odds, **table.baselines, CEILING: other_draws(table)}
    return {name: (auroc(s, table.learned), *interval(s, table)) for name, s in scores.items()}


def make_rules(table: Table) -> dict[str, Any]:
    """What `modules/rule.json` holds."""
    tested = {name: [round(v, 3) for v in values] for name, values in tests(table, held_out_all(table)).items()}
    rules = {RULE_WITH: (table, tested.pop(RULE)), RULE_WITHOUT: (table.without(FIRST_STEPS), tested.pop(WITHOUT))}
    return {name: _make_rule(part, found, tested) for name, (part, found) in rules.items()}


def _make_rule(table: Table, found: list[float], baselines: Mapping[str, list[float]]) -> dict[str, Any]:
    coefficients, intercepts = fit_all(table)
    about = {
        "version": VERSION,
        "networks": len(table),
        "families": sorted(np.unique(table.families).tolist()),
        "held_out_auroc": found,
        "baselines": dict(baselines),
    }
    return {
        "features": list(table.names),
        "coefficients": [[round(v, 5) for v in row] for row in coefficients.tolist()],
        "intercepts": [round(v, 5) for v in intercepts.tolist()],
        "about": about,
    }


def write_rules(rules: Mapping[str, Any], path: Path) -> None:
    """As JSON."""
    path.write_text(json.dumps(rules, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Print the numbers of the package's table."""
    table = read_table()
    for name, (value, low, high) in tests(table, held_out_all(table)).items():
        print(f"{name}: {value:.3f} [{low:.3f}, {high:.3f}]")
    for name, part in ((RULE, table), (WITHOUT, table.without(FIRST_STEPS))):
        coefficients, intercept = fit(part, np.arange(len(part)))
        print(f"{name}, in sample: {auroc(part.features @ coefficients + intercept, part.learned):.3f}")


if __name__ == "__main__":
    main()
