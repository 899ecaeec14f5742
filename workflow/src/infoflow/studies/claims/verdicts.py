"""From an interval to a verdict."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.studies.claims.entries import Claim, Evidence
from infoflow.studies.claims.intervals import Interval, Untested
from infoflow.studies.claims.variables import FAILS, HOLDS, NOT_TESTED, REDUCED, THEORY, UNDECIDED

NAN = float("nan")


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict.

    Attributes:
        verdict: see `variables`.
        found: the quantity, of several components the one that decides; NaN if it is not tested.
        accepted: bounds within which it has to lie.
        reason: why it is not tested.
        comparable: whether the evidence was there, so that the verdict can be compared with the recorded one.
    """

    claim: Claim
    verdict: str
    found: Interval
    accepted: tuple[float, float]
    reason: str
    comparable: bool

    @property
    def changed(self) -> bool:
        """Whether the verdict is another one than is recorded, in either direction."""
        return self.comparable and self.verdict != self.claim.verdict


def judge(
    claims: Iterable[Claim],
    evidence: Mapping[str, Evidence],
    cubes: Mapping[str, Iterable[xr.Dataset]],
    quantities: Mapping[str, Callable],
) -> list[Judged]:
    """Decide claims.

    Args:
        cubes: by name; of several runs, several of a name.
        quantities: by name, functions of a cube (None for what needs none) and the claim's arguments.

    Raises:
        InfoflowError: a claim names a quantity that there is none of, or gives it other arguments.
    """
    chosen, missing = {THEORY: None}, {}
    for name, one in evidence.items():
        found = list(cubes.get(one.cube, ()))
        fitting = [cube for cube in found if not one.unmet(json.loads(cube.attrs["config"]))]
        if fitting:
            chosen[name] = fitting[0]
        else:
            missing[name] = _absent(one, found)
    return [_judge_one(claim, chosen, missing, quantities) for claim in claims]


def accepted(claim: Claim) -> tuple[np.ndarray, np.ndarray]:
    """Bounds within which a quantity has to lie, of every component."""
    ((relation, value),) = claim.expected.items()
    slack = claim.tolerance + claim.reading_error
    value = np.asarray(value, float)
    if relation == "between":
        return value[0] - slack, value[1] + slack
    low = value - slack if relation in ("equals", "at_least") else np.full_like(value, -np.inf)
    high = value + slack if relation in ("equals", "at_most") else np.full_like(value, np.inf)
    return low, high


def decide(found: Interval, low: np.ndarray, high: np.ndarray) -> tuple[str, int]:
    """`holds` if all components lie within the bounds, `fails` if one lies wholly beyond; and which one decides."""
    _, least, most, low, high = np.broadcast_arrays(*map(np.atleast_1d, (*found, low, high)))
    beyond, within = (most < low) | (least > high), (least >= low) & (most <= high)
    with np.errstate(invalid="ignore"):
        margin = np.minimum(least - low, high - most)
    margin = np.where(np.isnan(margin), np.inf, margin)
    for verdict, some in ((FAILS, beyond), (UNDECIDED, ~within)):
        if some.any():
            return verdict, int(np.where(some, margin, np.inf).argmin())
    return HOLDS, int(margin.argmin())


def _absent(evidence: Evidence, found: list[xr.Dataset]) -> str:
    made_by = " ".join(evidence.config)
    if not found:
        return f"cube {evidence.cube} is not part of this run; {made_by} makes it"
    differs = ", ".join(evidence.unmet(json.loads(found[0].attrs["config"])))
    return f"cube {evidence.cube} is of another experiment than that of {made_by}: {differs}"


def _judge_one(
    claim: Claim,
    chosen: Mapping[str, xr.Dataset | None],
    missing: Mapping[str, str],
    quantities: Mapping[str, Callable],
) -> Judged:
    if claim.not_tested is not None:
        return _untested(claim, claim.not_tested, True)
    if claim.evidence in missing:
        return _untested(claim, missing[claim.evidence], False)
    if claim.quantity not in quantities:
        raise InfoflowError(f"{claim.id}: there is no quantity {claim.quantity!r}")
    cube = chosen[claim.evidence]
    try:
        found = Interval(*quantities[claim.quantity](cube, **claim.arguments))
    except Untested as why:
        return _untested(claim, str(why), True)
    except KeyError as error:
        return _untested(claim, f"the cube lacks it: {str(error.args[0]).split('. ')[0]}", True)
    except TypeError as error:
        raise InfoflowError(f"{claim.id}: {claim.quantity}: {error}") from error
    if np.isnan(np.concatenate([np.ravel(bound) for bound in found])).any():
        return _untested(claim, "it is not defined here", True)
    low, high = accepted(claim)
    verdict, k = decide(found, low, high)
    if verdict == HOLDS and claim.reduced:
        verdict = REDUCED
    one = Interval(*(_component(bound, k) for bound in found))
    return Judged(claim, verdict, one, (_component(low, k), _component(high, k)), "", True)


def _component(values: np.ndarray, k: int) -> float:
    values = np.atleast_1d(values)
    return float(values[k if len(values) > 1 else 0])


def _untested(claim: Claim, reason: str, comparable: bool) -> Judged:
    bounds = tuple(_component(b, 0) for b in accepted(claim)) if claim.expected else (NAN, NAN)
    return Judged(claim, NOT_TESTED, Interval(NAN, NAN, NAN), bounds, reason, comparable)
