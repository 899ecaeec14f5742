"""Of Ising models under decimation: exact but for what is sampled."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from infoflow.studies.claims.intervals import Interval, Untested, exact

NEAR = 1e-6
"""Distance within which a coupling is the one that is asked for."""
CANCELLATION = 1e-10
"""Error of differences of exact quantities."""


def known_constant(cube: xr.Dataset, variable: str | Sequence[str]) -> Interval:
    """Variables that are single numbers."""
    names = [variable] if isinstance(variable, str) else variable
    return exact([float(cube[name]) for name in names])


def at_coupling(
    cube: xr.Dataset, variable: str, coupling: float | Sequence[float], index: int | None = None
) -> Interval:
    """A variable at some couplings; all its values along its second axis at one, or one of them."""
    values = [cube[variable].values[_find(cube, k)] for k in np.atleast_1d(coupling)]
    values = np.asarray(values) if index is None else np.asarray(values)[..., index]
    return exact(values.squeeze())


def at_critical(cube: xr.Dataset, variables: Sequence[str]) -> Interval:
    """Variables at the coupling of the grid that is the critical one."""
    at = _find(cube, float(cube["critical_coupling"]))
    return exact([float(cube[name].values[at]) for name in variables])


def spread_of_sum(cube: xr.Dataset, variables: Sequence[str]) -> Interval:
    """Largest less smallest value of a sum of variables, over all couplings."""
    total = sum(cube[name].values for name in variables)
    return exact(float(np.ptp(total)), CANCELLATION)


def flow_turns(cube: xr.Dataset) -> Interval:
    """Coupling between the last one that the truncated flow lowers and the first one that it raises."""
    axis, flow = cube["coupling"].values, cube["flow"].values
    lowered = flow[:, 1] < flow[:, 0]
    k = int(np.flatnonzero(lowered)[-1])
    if k + 1 == len(axis) or not lowered[: k + 1].all():
        raise Untested("the flow does not turn between two couplings of the cube")
    return Interval(axis[k : k + 2].mean(), axis[k], axis[k + 1])


def least_step(cube: xr.Dataset, variable: str, along: str, low: float = 0.0, high: float = np.inf) -> Interval:
    """Least change of a variable to the next value along an axis, of couplings within bounds."""
    values = cube[variable].isel(coupling=(cube["coupling"] >= low).values & (cube["coupling"] <= high).values)
    return exact(float(values.diff(along).min()), CANCELLATION)


def last_change(cube: xr.Dataset, variable: str, low: float = 0.0, high: float = np.inf) -> Interval:
    """Largest relative change of a variable by the last decimation, of couplings within bounds."""
    values = cube[variable].isel(coupling=(cube["coupling"] >= low).values & (cube["coupling"] <= high).values).values
    return exact(float(np.max((values[:, -1] - values[:, -2]) / values[:, -1])), CANCELLATION)


def chain_asymptote_error(cube: xr.Dataset) -> Interval:
    """Largest deviation of the chain's asymptote from K tanh K - ln cosh K."""
    k = cube["coupling"].values
    return exact(float(np.abs(cube["asymptote"].values - k * np.tanh(k) + np.log(np.cosh(k))).max()), CANCELLATION)


def square_asymptote_error(cube: xr.Dataset) -> Interval:
    """Largest deviation of the square lattice's asymptote from ln 2 less the entropy."""
    error = cube["asymptote"].values - np.log(2) + cube["entropy"].values
    return exact(float(np.abs(error).max()), CANCELLATION)


def last_gap(cube: xr.Dataset, variable: str, high: float) -> Interval:
    """Largest distance of the last value from the asymptote, relative to it, of couplings up to a bound."""
    some = cube["coupling"].values <= high
    gap = cube[variable].values[some, -1] / cube["asymptote"].values[some] - 1
    return exact(float(np.abs(gap).max()), CANCELLATION)


def peak_coupling(cube: xr.Dataset, variable: str, index: int | None = None) -> Interval:
    """Coupling at which a variable is largest, to the grid's resolution."""
    values = cube[variable].values if index is None else cube[variable].values[:, index]
    axis, k = cube["coupling"].values, int(values.argmax())
    return Interval(axis[k], axis[max(k - 1, 0)], axis[min(k + 1, len(axis) - 1)])


def critical_step(cube: xr.Dataset, variable: str) -> Interval:
    """Change of a variable across the critical coupling, over the mean of the changes just before and behind it.

    One where the curve passes; a step would be larger by far.
    """
    axis, values = cube["coupling"].values, cube[variable].values
    k = int(np.abs(axis - float(cube["critical_coupling"])).argmin())
    slope = np.diff(values) / np.diff(axis)
    return exact(float(slope[k - 1 : k + 1].mean() / slope[[k - 2, k + 1]].mean()), CANCELLATION)


def relative_slope(cube: xr.Dataset, one: str, other: str) -> Interval:
    """Amplitude of the logarithm in the slope over the value at the critical coupling, of one probe over another."""
    at = _find(cube, float(cube["critical_coupling"]), 1e-4)
    sharp = [float(cube[f"limit_{name}_amplitude"]) / cube[name].values[at] for name in (one, other)]
    # the amplitude is from differences of slopes at 10⁻³ and 10⁻⁴
    return exact(sharp[0] / sharp[1], 1e-2)


def sampling_deviation(cube: xr.Dataset, estimate: str, value: str) -> Interval:
    """Largest deviation of Monte Carlo from the exact value, in standard errors, of all couplings and sides."""
    deviation = (cube[estimate] - cube[value]) / cube[f"{estimate}_error"]
    return exact(float(np.abs(deviation).max()))


def limit_deviation(cube: xr.Dataset, variable: str, away: float) -> Interval:
    """Largest relative deviation of the largest torus from the infinite lattice, away from the critical coupling.

    The interval has two standard errors of the sampling.
    """
    k = cube["sampled_coupling"].values
    far = np.abs(k - float(cube["critical_coupling"])) >= away
    if not far.any():
        raise Untested(f"no coupling is sampled {away:g} away from the critical one")
    limit = np.array([cube[variable].values[_find(cube, one)] for one in k[far]])
    sampled = cube[f"sampled_{variable}"].isel(side=-1).values[far]
    error = 2 * cube[f"sampled_{variable}_error"].isel(side=-1).values[far] / limit
    deviation = np.abs(sampled / limit - 1)
    worst = int(deviation.argmax())
    return Interval(deviation[worst], deviation[worst] - error[worst], deviation[worst] + error[worst])


def _find(cube: xr.Dataset, coupling: float, near: float = NEAR) -> int:
    distance = np.abs(cube["coupling"].values - coupling)
    if distance.min() > near:
        raise Untested(f"the cube has no coupling {coupling:g}")
    return int(distance.argmin())
