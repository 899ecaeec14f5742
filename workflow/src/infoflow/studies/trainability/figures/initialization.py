"""Initialisation check: the variance of the pre-activations against its mean-field recursion."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from infoflow.figures.say import say
from infoflow.figures.style import LINES, SIGMA_W2, WIDEST, curve_colours
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import probe_variable, shown_biases, title

FOUND_OUT = 3
"""Standard errors by which the mean over layers and replicas strays if the initialisation is called wrong."""
_THEORY = "pre_activation_variance_theory"


@dataclass(frozen=True)
class Known:
    """What theory says of the variances, variables over (σ_w², σ_b², layer).

    Attributes:
        recursion: of infinite width; None where there is none.
        log_mean, log_spread, mean_spread: see `theory.architectures.Variances`; None where they are not known.
    """

    recursion: xr.DataArray | None
    log_mean: xr.DataArray | None = None
    log_spread: xr.DataArray | None = None
    mean_spread: xr.DataArray | None = None

    def at(self, **point: float) -> "Known":
        """Of one point."""
        parts = (getattr(self, field.name) for field in fields(self))
        return Known(*(None if part is None else part.sel(point) for part in parts))


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Above, every replica over the theory; below, the deviation, where it is known in units of its expected spread."""
    biases = shown_biases(experiment)
    width = min(WIDEST, 2.4 + 5.2 * len(biases))
    figure, axes = plt.subplots(2, len(biases), figsize=(width, 5.4), squeeze=False, sharex=True, height_ratios=(2, 1))
    measured, known = probe_variable(cube, "pre_activation_variance"), _known(cube)
    deviations, means = [], {}
    for (top, bottom), b in zip(axes.T, biases, strict=True):
        for w, colour, line in zip(experiment.highlight, curve_colours(len(experiment.highlight)), LINES):
            here = {"sigma_w2": w, "sigma_b2": b}
            z, theory = measured.sel(here), known.at(**here)
            deviations.append(_draw_point(top, bottom, z, theory, {"color": colour, "linestyle": line}, w))
            means[w, b] = mean_deviation(z, theory)
        _finish(top, bottom, measured.sel(sigma_b2=b, sigma_w2=list(experiment.highlight)), known)
        top.set_title(f"$\\sigma_b^2$ = {b:g}" if len(biases) > 1 else "")
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=min(4, len(experiment.highlight)))
    finding, lines = _say(np.concatenate(deviations), means, known, json.loads(cube.attrs["architecture"])["kind"])
    caption = f"Variance of the pre-activations of one image in every layer; dots are replicas. {lines}"
    return say(figure, finding, caption, f"{title(cube, experiment)}, σ_b² = {', '.join(f'{b:g}' for b in biases)}")


def _known(cube: xr.Dataset) -> Known:
    recursion = probe_variable(cube, _THEORY)
    if not recursion.notnull().any():
        return Known(None)
    parts = [probe_variable(cube, f"{_THEORY}_{name}") for name in ("log_mean", "log_spread", "mean_spread")]
    return Known(recursion, *parts) if parts[1].notnull().any() else Known(recursion)


def mean_deviation(z: xr.DataArray, theory: Known) -> float:
    """Mean over layers and replicas of ln(variance / recursion), over its standard error by theory; NaN if unknown.

    Args:
        z: mean squared pre-activation of one point, [replica, layer]; layers behind one that is not known are left out.
    """
    if theory.log_spread is None:
        return np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        strays = (np.log(z / theory.recursion) - theory.log_mean).transpose("replica", "layer").values
    layers = np.isfinite(strays).cumprod(axis=1).sum(axis=1)
    parts = [(row[:n].mean(), theory.mean_spread.values[n - 1]) for row, n in zip(strays, layers) if n]
    if not parts:
        return np.nan
    mean, spread = np.transpose(parts)
    return float(mean.mean() / (np.sqrt(np.square(spread).sum()) / len(spread)))


def _draw_point(top: Axes, bottom: Axes, z: xr.DataArray, theory: Known, style: dict, w: float) -> np.ndarray:
    """One σ_w²; gives the deviations, [replica × layer]."""
    q = z.mean("replica") if theory.recursion is None else theory.recursion
    top.plot(q["layer"], q, label=f"{SIGMA_W2} = {w:g}", **style)
    deviation = z / q - 1
    if theory.log_spread is not None:
        edges = (q * np.exp(theory.log_mean + k * theory.log_spread) for k in (-2, 2))
        top.fill_between(q["layer"], *edges, color=style["color"], alpha=0.15, linewidth=0)
        with np.errstate(divide="ignore"):
            deviation = (np.log(z / q) - theory.log_mean) / theory.log_spread
    for r in z["replica"]:
        top.plot(z["layer"], z.sel(replica=r), ".", color=style["color"], markersize=3.5)
        bottom.plot(z["layer"], deviation.sel(replica=r), ".", color=style["color"], markersize=3.5)
    return deviation.values.ravel()


def _finish(top: Axes, bottom: Axes, shown: xr.DataArray, known: Known) -> None:
    finite = shown.values[np.isfinite(shown.values) & (shown.values > 0)]
    top.set(yscale="log", ylabel="$q^l$")
    if finite.size:
        top.set_ylim(finite.min() / 2, finite.max() * 2)
    decades = np.log10(finite.max() / finite.min()) if finite.size else 0
    if decades < 2:
        top.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        top.yaxis.set_major_formatter("{x:g}")
    top.yaxis.set_minor_formatter(NullFormatter())
    spread = known.log_spread is not None
    if spread:
        bottom.axhspan(-2, 2, color="0.88", zorder=0)
    bottom.axhline(0, color="0.5", linewidth=0.8)
    from_ = "theory" if known.recursion is not None else "mean"
    label = "deviation of ln $q^l$\n/ its spread" if spread else f"deviation from\nthe {from_}"
    bottom.set(xlabel="layer $l$", ylabel=label)
    bottom.set_xlim(0.5, shown["layer"].values[-1] + 0.5)
    bottom.xaxis.get_major_locator().set_params(integer=True)


def _say(deviation: np.ndarray, means: Mapping[tuple, float], known: Known, kind: str) -> tuple[str, str]:
    """What the check gives, and what the lines of the figure are."""
    finite = deviation[np.isfinite(deviation)]
    number, outside = len(finite), int((np.abs(finite) > 2).sum())
    if known.recursion is None:
        lines = "Lines are their mean over replicas, as there is no theory of these networks here."
        return "Nothing is checked: there is no theory of these networks, levels only", lines
    if known.log_spread is None:
        lines = "Lines are the mean-field recursion; how far single networks of finite width stray is not known."
        mean = f"{finite.mean():+.2f}".replace("-", "−")
        return f"Variances are {mean} of the mean-field recursion away from it, on average over layers", lines
    drawn = "as drawn by other code" if kind == "cnn" else "by theory"
    lines = (
        f"Lines are the mean-field recursion, bands two standard deviations of ln q at this width, {drawn}. Dots of a "
        "replica stray together, so that the mean over layers and replicas, for each σ_w², is what judges. "
    )
    share = f"{outside} of {number} variances ({outside / max(number, 1):.1%}) stray by over 2 standard deviations"
    known_means = {point: mean for point, mean in means.items() if np.isfinite(mean)}
    if not known_means:
        return "Nothing is checked: no variance is a finite number above zero", f"{lines}{share}."
    worst = max(known_means, key=lambda point: abs(known_means[point]))
    far = f"{abs(means[worst]):.1f} standard errors of theory"
    if abs(means[worst]) > FOUND_OUT:
        said = f"Not the initialisation that was asked for: at σ_w² = {worst[0]:g} its mean over layers is {far} away"
    else:
        said = f"The initialisation is as asked for: means over layers are within {far}"
    return said, f"{lines}{share}."
