"""Of the maps of several data sets: one network per column as a rule, so that columns are what is drawn."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from infoflow.studies.claims.intervals import Interval, exact, resampled, spread

SINGLE_NETWORK = 0.1
"""By how much the layer of the collapse scatters from network to network near the edge, relative."""
COLLAPSED = 0
"""Value of `collapse_case`."""


def map_slope(cube: xr.Dataset, experiment: str, theory: bool = False) -> Interval:
    """Slope of the layer of the collapse against ξ_c through the origin; ordered columns are drawn."""
    return resampled(_slope, *_fitted(cube.sel(experiment=experiment), theory))


def printed_slopes(cube: xr.Dataset, experiments: Sequence[str]) -> Interval:
    """Slopes of networks, then those of theory, in this very run: to compare with what is printed of it."""
    names = ("collapse_slope", "theory_collapse_slope")
    return exact([float(cube[name].sel(experiment=one)) for name in names for one in experiments])


def map_slope_ratio(cube: xr.Dataset, experiment: str, over: str) -> Interval:
    """Slope of one data set over that of another."""
    (xi, one), (xi_other, other) = (_fitted(cube.sel(experiment=name), False) for name in (experiment, over))
    shared = np.isin(xi, xi_other), np.isin(xi_other, xi)
    return resampled(lambda x, a, b: _slope(x, a) / _slope(x, b), xi[shared[0]], one[shared[0]], other[shared[1]])


def map_lag(cube: xr.Dataset, experiment: str, sigma_w2: Sequence[float]) -> Interval:
    """Layers by which networks collapse later than by theory, over those of theory; one network scatters by 10 %."""
    one = cube.sel(experiment=experiment).isel(sigma_b2=0).sel(sigma_w2=sigma_w2, method="nearest")
    lag = (one["collapse_layer"] / one["theory_collapse_layer"] - 1).values.astype(float)
    return Interval(lag, lag - SINGLE_NETWORK, lag + SINGLE_NETWORK)


def map_growth(cube: xr.Dataset, experiment: str) -> Interval:
    """Layers by which the collapse comes later from one σ_w² to the next, ordered side; least and largest."""
    _, layer = _fitted(cube.sel(experiment=experiment), False)
    return spread(np.diff(layer))


def map_range(cube: xr.Dataset, experiment: str) -> Interval:
    """5 and 95 % quantile of layer/ξ_c over the ordered columns; an error of a layer moves them by about 0.1."""
    xi, layer = _fitted(cube.sel(experiment=experiment), False)
    return exact(np.percentile(layer / xi, (5, 95)), resolution=0.1)


def map_peak(cube: xr.Dataset, experiment: str, measure: str, layers: Sequence[int], theory: bool = False) -> Interval:
    """σ_w² at which a measure is largest, over some layers; to the grid's resolution."""
    values = cube[f"{'theory_' * theory}{measure}"].sel(experiment=experiment).isel(sigma_b2=0)
    axis = cube["sigma_w2"].values
    found = [axis[int(np.argmax(values.sel(layer=l).fillna(-np.inf).values))] for l in layers]
    step = np.diff(axis).max() / 2
    return Interval(np.median(found), min(found) - step, max(found) + step)


def map_chaotic(cube: xr.Dataset, experiment: str, measure: str, layer: int, least: float) -> Interval:
    """A measure in the columns from σ_w² = least on: median, least and largest."""
    values = cube[measure].sel(experiment=experiment, layer=layer).isel(sigma_b2=0)
    return spread(values.where(cube["sigma_w2"] >= least).values)


def map_collapsed(cube: xr.Dataset, experiment: str, least: float, theory: bool = False) -> Interval:
    """Share of the columns from σ_w² = least on whose entropy collapses within the depth."""
    case = cube[f"{'theory_' * theory}collapse_case"].sel(experiment=experiment).isel(sigma_b2=0)
    return exact(float((case[cube["sigma_w2"].values >= least] == COLLAPSED).mean()))


def map_floor(cube: xr.Dataset, experiment: str) -> Interval:
    """Largest entropy in the last layer among the ordered columns that collapsed."""
    one = cube.sel(experiment=experiment).isel(sigma_b2=0)
    ordered = (one["sigma_w2"] < one["edge_of_chaos"]) & (one["collapse_case"] == COLLAPSED)
    last = one["differential_entropy"].isel(layer=-1).where(ordered, drop=True)
    return spread(np.maximum(last.values, -100))


def _slope(xi: np.ndarray, layer: np.ndarray) -> float:
    return float(xi @ layer / (xi @ xi))


def _fitted(one: xr.Dataset, theory: bool) -> tuple[np.ndarray, np.ndarray]:
    """ξ_c and layer of the ordered columns that collapse."""
    one = one.isel(sigma_b2=0)
    prefix = "theory_" * theory
    known = (one["sigma_w2"] < one["edge_of_chaos"]) & (one[f"{prefix}collapse_case"] == COLLAPSED)
    return one["xi_c"].values[known.values], one[f"{prefix}collapse_layer"].values[known.values].astype(float)
