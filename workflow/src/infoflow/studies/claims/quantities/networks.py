"""Of experiments: probes of untrained networks, full trainings, and scores."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from infoflow.studies.claims.intervals import Interval, Untested, exact, over_replicas, resampled
from infoflow.studies.trainability.networks import grid_of, rows_of
from infoflow.verdict.resampling import interval, weighted_auroc


def auroc(cube: xr.Dataset, score: str, within_depth: bool = False) -> Interval:
    """Area under the ROC curve of a score against trainable, of all pairs or of those of equal depth."""
    one = cube.sel(score=score)
    name = "auroc_within_depth" if within_depth else "auroc"
    return Interval(*(float(one[f"{name}{end}"]) for end in ("", "_low", "_high")))


def auroc_of_run(cube: xr.Dataset, scores: Sequence[str]) -> Interval:
    """The areas of this very run, without an interval over others: to compare with what is printed of it."""
    return exact([float(cube["auroc"].sel(score=score)) for score in scores])


def auroc_gain(cube: xr.Dataset, score: str | Sequence[str], over: str) -> Interval:
    """Area of a score, or of each of several, less that of another, on the same resamples of columns and replicas."""
    grid = grid_of(cube, 0, "claims")
    names = [score] if isinstance(score, str) else score
    *scores, other = (rows_of(cube["prediction_score"].sel(score=name)).astype(float) for name in (*names, over))
    if any(np.isnan(one).all() for one in (*scores, other)):
        raise Untested("one of the scores is not known")
    weights = np.concatenate([np.ones((1, *other.shape), int), grid.weights])  # the whole, then its resamples
    gains = np.array(
        [weighted_auroc(one, grid.labels, weights) - weighted_auroc(other, grid.labels, weights) for one in scores]
    )
    return Interval(gains[:, 0], *interval(gains[:, 1:]))


def collapse_slope(cube: xr.Dataset, method: str = "", threshold: float = -12.0) -> Interval:
    """Slope through the origin of the first layer whose H is below a threshold against ξ_c, ordered side.

    Over the columns of which all replicas collapse within the depth; Student's interval over replicas.
    """
    layer, xi = _collapse(cube, method, threshold)
    known = ~np.isnan(layer).any(1)
    return over_replicas(xi[known] @ layer[known] / (xi[known] @ xi[known]))


def collapse_ratios(
    cube: xr.Dataset, sigma_w2: Sequence[float], method: str = "", threshold: float = -12.0
) -> Interval:
    """The same layer over ξ_c in some columns, with Student's interval over replicas and half a layer."""
    layer, xi = _collapse(cube, method, threshold)
    rows = [_column(cube, w) for w in sigma_w2]
    found = over_replicas(layer[rows] / xi[rows, None])
    half = 0.5 / xi[rows]
    return Interval(found.value, found.low - half, found.high + half)


def saturation_slope(cube: xr.Dataset, method: str = "") -> Interval:
    """The same of the saturation depth of the relative entropy."""
    depth = cube[f"{method}saturation_depth"].isel(sigma_b2=0).sel(measure="relative_entropy_ratio")
    depth, xi = depth.transpose("sigma_w2", "replica").values, cube["xi_c"].isel(sigma_b2=0).values
    known = ~np.isnan(depth).any(1) & (cube["sigma_w2"].values < cube["edge_of_chaos"].values[0])
    return over_replicas(xi[known] @ depth[known] / (xi[known] @ xi[known]))


def rising_share(cube: xr.Dataset, variable: str, layers: int) -> Interval:
    """Share of the steps between the first layers in which a variable rises, of all networks; columns are drawn."""
    rises = _probe(cube, variable).isel(layer=slice(layers)).diff("layer") > 0
    return resampled(lambda share: float(share.mean()), rises.mean(("replica", "layer")).values)


def chaotic_slope(cube: xr.Dataset, variable: str, least: float, first: int) -> Interval:
    """Slope over σ_w², from a value on, of the mean of a variable from a layer on."""
    values = _probe(cube, variable).isel(layer=slice(first - 1, None)).mean("layer")
    axis = cube["sigma_w2"].values
    chosen = values.transpose("sigma_w2", "replica").values[axis >= least]
    return over_replicas(np.polyfit(axis[axis >= least], chosen, 1)[0])


def excess_over(cube: xr.Dataset, variable: str, other: str, sigma_w2: Sequence[float], layer: int) -> Interval:
    """A variable less another one in a layer, at some σ_w²."""
    values = (_probe(cube, variable) - _probe(cube, other)).sel(layer=layer).transpose("sigma_w2", "replica").values
    return over_replicas(values[[_column(cube, w) for w in sigma_w2]])


def at_layer(cube: xr.Dataset, variable: str, sigma_w2: Sequence[float], layer: int = -1) -> Interval:
    """A variable in a layer, by default the last one, at some σ_w²."""
    values = _probe(cube, variable)
    values = values.isel(layer=-1) if layer < 0 else values.sel(layer=layer)
    return over_replicas(values.transpose("sigma_w2", "replica").values[[_column(cube, w) for w in sigma_w2]])


def layer_contrast(cube: xr.Dataset, variable: str, sigma_w2: Sequence[float], layer: int = -1) -> Interval:
    """A variable in a layer at each σ_w² of a list less that at the one before."""
    values = _probe(cube, variable)
    values = values.isel(layer=-1) if layer < 0 else values.sel(layer=layer)
    chosen = values.transpose("sigma_w2", "replica").values[[_column(cube, w) for w in sigma_w2]]
    return over_replicas(np.diff(chosen, axis=0))


def least_entropy(cube: xr.Dataset, variable: str, least: float) -> Interval:
    """The smallest value of a variable among all layers and replicas from σ_w² = least on."""
    values = _probe(cube, variable)
    return exact(float(values.isel(sigma_w2=cube["sigma_w2"].values >= least).min()), 1e-6)


def probe_peak(cube: xr.Dataset, variable: str, layer: int = -1) -> Interval:
    """σ_w² at which a variable is largest, range over replicas; half the distance to the neighbours is added."""
    values = _probe(cube, variable)
    values = values.isel(layer=-1) if layer < 0 else values.sel(layer=layer)
    axis = cube["sigma_w2"].values
    between = np.concatenate([axis[:1], (axis[1:] + axis[:-1]) / 2, axis[-1:]])
    at = values.transpose("replica", "sigma_w2").fillna(-np.inf).values.argmax(1)
    return Interval(float(np.median(axis[at])), float(between[at.min()]), float(between[at.max() + 1]))


def trainable_centre(cube: xr.Dataset, depth: int) -> Interval:
    """Mean σ_w² of the networks of a depth that could be trained."""
    truth = cube["trainable"].isel(sigma_b2=0).sel(depth=depth).transpose("sigma_w2", "replica").values == 1
    if not truth.any(0).all():
        raise Untested("of some replica no network could be trained")
    return over_replicas((cube["sigma_w2"].values[:, None] * truth).sum(0) / truth.sum(0))


def trainable_networks(cube: xr.Dataset, depth: int) -> Interval:
    """How many networks of a depth could be trained."""
    return exact(float((cube["trainable"].sel(depth=depth) == 1).sum()))


def boundary_slope(cube: xr.Dataset, side: int) -> Interval:
    """Slope through the origin of the largest trainable depth against ξ_c; side -1 ordered, 1 chaotic.

    A depth is trainable if most of its networks are. The boundary lies between the largest trainable depth and the next
    one of the grid: the ends of the interval have all boundaries at the one or the other. Columns of which all depths
    are trainable, or none, say nothing.
    """
    truth = (cube["trainable"].isel(sigma_b2=0) == 1).mean("replica").transpose("sigma_w2", "depth").values >= 0.5
    depth, xi = cube["depth"].values.astype(float), cube["xi_c"].isel(sigma_b2=0).values
    known = truth.any(1) & ~truth.all(1) & (side * (cube["sigma_w2"].values - cube["edge_of_chaos"].values[0]) > 0)
    if not known.any():
        raise Untested("no column has its boundary among the depths")
    last = truth.shape[1] - 1 - truth[known][:, ::-1].argmax(1)
    inside = last < truth.shape[1] - 1
    xi, last = xi[known][inside], last[inside]
    low, high = (xi @ depth[last + k] / (xi @ xi) for k in (0, 1))
    return Interval((low + high) / 2, low, high)


def trainable_growth(cube: xr.Dataset) -> Interval:
    """Largest change of the number of trainable networks from a depth to the next larger one."""
    count = (cube["trainable"] == 1).sum([d for d in cube["trainable"].dims if d != "depth"])
    return exact(float(count.diff("depth").max()))


def trained_ends(cube: xr.Dataset, depth: int, centre: float) -> Interval:
    """Share of trainable networks of a depth at a σ_w² less that at either end of the axis."""
    truth = (cube["trainable"].isel(sigma_b2=0).sel(depth=depth) == 1).transpose("sigma_w2", "replica").values
    truth = truth.astype(float)
    return over_replicas([truth[_column(cube, centre)] - truth[end] for end in (0, -1)])


def relative_cost(cube: xr.Dataset, seconds: str, predictor: str | None = None) -> Interval:
    """Seconds of scoring all networks over those of training them; columns are drawn for the interval."""
    scoring = cube[seconds] if predictor is None else cube[seconds].sel(predictor=predictor)
    return resampled(lambda a, b: float(a.sum() / b.sum()), _by_column(scoring), _by_column(cube["train_seconds"]))


def variance_within(cube: xr.Dataset) -> Interval:
    """Share of layers whose variance of the pre-activations is within two spreads of theory; columns are drawn."""
    deviation = cube["pre_activation_variance"] - cube["pre_activation_variance_theory"]
    within = np.abs(deviation) < 2 * cube["pre_activation_variance_theory_spread"]
    return resampled(lambda share: float(share.mean()), within.isel(sigma_b2=0).mean(("replica", "layer")).values)


def _collapse(cube: xr.Dataset, method: str, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """First layer below the threshold, [ordered σ_w², replica], NaN where there is none; ξ_c."""
    entropy = _probe(cube, f"{method}differential_entropy").transpose("sigma_w2", "replica", "layer")
    below = (entropy < threshold).values
    layer = np.where(below.any(-1), cube["layer"].values[below.argmax(-1)].astype(float), np.nan)
    ordered = cube["sigma_w2"].values < cube["edge_of_chaos"].values[0]
    return np.where(ordered[:, None], layer, np.nan), cube["xi_c"].isel(sigma_b2=0).values


def _probe(cube: xr.Dataset, variable: str) -> xr.DataArray:
    """A variable of the probes at the first σ_b², of the deepest network; −inf cut at −100, which is no number of H."""
    values = cube[variable].isel(sigma_b2=0)
    values = values.isel(depth=-1) if "depth" in values.dims else values
    return values.astype(float).clip(min=-100)


def _column(cube: xr.Dataset, sigma_w2: float) -> int:
    axis = cube["sigma_w2"].values
    k = int(np.abs(axis - sigma_w2).argmin())
    if abs(axis[k] - sigma_w2) > 1e-6:
        raise Untested(f"the cube has no sigma_w2 {sigma_w2:g}")
    return k


def _by_column(values: xr.DataArray) -> np.ndarray:
    """Sums over all but σ_w²."""
    return values.sum([d for d in values.dims if d != "sigma_w2"]).values.astype(float)
