"""Initialisation check: the variance of the pre-activations against its mean-field recursion."""

import json
from collections.abc import Mapping

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

EXACT_SPREAD = ("mlp",)
"""Kinds of architectures whose spread over networks of finite width is known; of others it is an upper bound."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Above, every replica over the theory; below, the deviation, where it is known in units of its expected spread."""
    biases = shown_biases(experiment)
    width = min(WIDEST, 2.4 + 5.2 * len(biases))
    figure, axes = plt.subplots(2, len(biases), figsize=(width, 5.4), squeeze=False, sharex=True, height_ratios=(2, 1))
    measured, theory, spread = (
        probe_variable(cube, f"pre_activation_variance{end}") for end in ("", "_theory", "_theory_spread")
    )
    known = bool(theory.notnull().any()), bool(spread.notnull().any())
    beyond = []
    for (top, bottom), b in zip(axes.T, biases, strict=True):
        for w, colour, line in zip(experiment.highlight, curve_colours(len(experiment.highlight)), LINES):
            here = {"sigma_w2": w, "sigma_b2": b}
            parts = measured.sel(here), theory.sel(here), spread.sel(here)
            beyond.append(_draw_point(top, bottom, parts, known, {"color": colour, "linestyle": line}, w))
        _finish(top, bottom, measured.sel(sigma_b2=b, sigma_w2=list(experiment.highlight)), known)
        top.set_title(f"$\\sigma_b^2$ = {b:g}" if len(biases) > 1 else "")
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=min(4, len(experiment.highlight)))
    kind = json.loads(cube.attrs["architecture"])["kind"]
    finding, lines = _say(np.concatenate(beyond), known, kind)
    caption = (
        "The variance of the pre-activations of one image in every layer; dots are replicas. "
        f"{lines} Below: the deviation of the dots. Not shown: other images."
    )
    return say(figure, finding, caption, f"{title(cube, experiment)}, σ_b² = {', '.join(f'{b:g}' for b in biases)}")


def _draw_point(top: Axes, bottom: Axes, parts: tuple, known: tuple[bool, bool], style: dict, w: float) -> np.ndarray:
    """One σ_w²; gives the deviations, [replica × layer]."""
    z, q, s = parts
    with_theory, with_spread = known
    q = q if with_theory else z.mean("replica")
    top.plot(q["layer"], q, label=f"{SIGMA_W2} = {w:g}", **style)
    if with_spread:
        # where the band reaches zero it leaves the logarithmic axis at the bottom
        low = (q - 2 * s).clip(min=1e-300)
        top.fill_between(q["layer"], low, q + 2 * s, color=style["color"], alpha=0.15, linewidth=0)
    deviation = (z - q) / (s if with_spread else q)
    for r in z["replica"]:
        top.plot(z["layer"], z.sel(replica=r), ".", color=style["color"], markersize=3.5)
        bottom.plot(z["layer"], deviation.sel(replica=r), ".", color=style["color"], markersize=3.5)
    return deviation.values.ravel()


def _finish(top: Axes, bottom: Axes, shown: xr.DataArray, known: tuple[bool, bool]) -> None:
    finite = shown.values[np.isfinite(shown.values) & (shown.values > 0)]
    top.set(yscale="log", ylabel="$q^l$")
    if finite.size:
        top.set_ylim(finite.min() / 2, finite.max() * 2)
    decades = np.log10(finite.max() / finite.min()) if finite.size else 0
    if decades < 2:
        top.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        top.yaxis.set_major_formatter("{x:g}")
    top.yaxis.set_minor_formatter(NullFormatter())
    if known[1]:
        bottom.axhspan(-2, 2, color="0.88", zorder=0)
    bottom.axhline(0, color="0.5", linewidth=0.8)
    label = "deviation / spread\nby theory" if known[1] else "deviation from\nthe theory" if known[0] else None
    bottom.set(xlabel="layer $l$", ylabel=label or "deviation from\nthe mean")
    bottom.set_xlim(0.5, shown["layer"].values[-1] + 0.5)
    bottom.xaxis.get_major_locator().set_params(integer=True)


def _say(deviation: np.ndarray, known: tuple[bool, bool], kind: str) -> tuple[str, str]:
    """What the check gives, and what the lines of the figure are."""
    finite = deviation[np.isfinite(deviation)]
    number, outside = len(finite), int((np.abs(finite) > 2).sum())
    if not known[0]:
        lines = "Lines are their mean over replicas, as there is no theory of these networks here."
        return "Nothing is checked: there is no theory of these networks, levels only", lines
    mean = f"{finite.mean():+.2f}".replace("-", "−")
    if not known[1]:
        lines = "Lines are the mean-field recursion; how far single networks of finite width stray is not known."
        return f"Variances are {mean} of the mean-field recursion away from it, on average over layers", lines
    if kind not in EXACT_SPREAD:
        lines = (
            "Lines are the mean-field recursion; bands, two standard deviations as if all pixels were alike: an upper "
            "bound, so that dots within them do not show that the initialisation is right."
        )
        said = f"{outside} of {number} variances stray by more than an upper bound of the spread: a weak check"
        return said, lines
    lines = (
        "Lines and bands are the mean-field recursion with two standard deviations of networks of this width; a "
        "replica's dots of neighbouring layers stray together."
    )
    return (
        f"{outside} of {number} variances ({outside / max(number, 1):.1%}) stray by over 2 standard deviations",
        lines,
    )
