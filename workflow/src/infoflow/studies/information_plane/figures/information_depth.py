"""Networks with more hidden layers: how fast they learn."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from infoflow.figures.style import LINES, WIDEST, curve_colours
from infoflow.studies.information_plane.figures._shared import (
    LABEL,
    epoch_axis,
    family,
    known_estimator,
    last_hidden,
    mean_and_error,
    one,
    say_estimator,
    sound,
    title,
    write_heading,
)

ACCURACIES = (0.98, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6)
INFORMATIONS = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Thresholds of the test accuracy, and of I(T;Y) as a part of H(Y), of which one is chosen."""
ENOUGH = 0.75
"""The threshold is the highest one that so many of all replicas reach."""


def draw(cube: xr.Dataset) -> Figure:
    """Left, I(T;Y) of the last hidden layer over training; right, epochs to a threshold over the number of layers.

    Bands and bars: standard error over replicas.
    """
    cube = sound(cube)
    chosen = family(cube, "hidden_layers", "hidden")
    estimator = known_estimator(cube, chosen)
    networks = [one(cube, n).isel(estimator=estimator) for n in chosen]
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDEST, 5))
    for network, colour, line in zip(networks, curve_colours(len(chosen)), LINES * len(chosen)):
        mean, error = mean_and_error(last_hidden(network, "label_information"))
        epochs = network["epoch"]
        left.fill_between(epochs, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
        label = f"{int(network['hidden_layers'])} ({network['hidden'].item()})"
        left.plot(epochs, mean, color=colour, linestyle=line, linewidth=1.5, label=label)
    top = float(cube["label_entropy"])
    left.axhline(top, color="0.6", linewidth=0.8)
    left.annotate("$H(Y)$", (0.01, top), xycoords=("axes fraction", "data"), va="bottom", fontsize=8, color="0.4")
    epoch_axis(left, cube["epoch"].values)
    left.set(xlabel="epoch", ylabel=f"{LABEL} of the last hidden layer", ylim=(0, 1.08 * top))
    left.legend(title="hidden layers", loc="lower right", title_fontsize=8)
    said = _draw_times(right, networks, top)
    lines = *title(cube, chosen, "hidden_layers", "hidden"), f"estimator: {say_estimator(cube, estimator)}"
    caption = (
        "Networks of more and more hidden layers, whose last hidden layer gets narrower as layers are added: I(T;Y) "
        "of that layer compares widths as well as depths. Left: its mean over replicas and standard error. Right: "
        f"epochs until a threshold is first reached, by hidden layers: {'; '.join(said[1:])}. Open symbols are means "
        "of the replicas that reach it alone, and too low; without a line, the threshold was reached before training."
    )
    write_heading(figure, said[0][:1].upper() + said[0][1:], caption, *lines)
    return figure


def epochs_to(values: xr.DataArray, threshold: float) -> np.ndarray:
    """Epochs after which a curve [replica, epoch] first reaches a threshold, interpolated; ∞ if it never does."""
    epochs, found = values["epoch"].values.astype(float), []
    for curve in values.transpose("replica", "epoch").values:
        reached = np.flatnonzero(curve >= threshold)
        if not len(reached):
            found.append(np.inf)
            continue
        k = int(reached[0])
        before = curve[k - 1] if k else np.nan
        part = (threshold - before) / (curve[k] - before) if np.isfinite(before) else 1.0
        found.append(epochs[k] if k == 0 else epochs[k - 1] + part * (epochs[k] - epochs[k - 1]))
    return np.array(found)


def reachable(curves: Sequence[xr.DataArray], thresholds: Sequence[float]) -> float:
    """The first of descending thresholds that ENOUGH of all replicas reach, else the last one."""
    best = np.concatenate([c.max("epoch").values for c in curves])
    best = best[np.isfinite(best)]
    return next((t for t in thresholds if best.size and (best >= t).mean() >= ENOUGH), thresholds[-1])


def _draw_times(ax: Axes, networks: Sequence[xr.Dataset], label_entropy: float) -> list[str]:
    """Epochs to thresholds of two measures; what is to be said about them, a line for each."""
    depths = [int(n["hidden_layers"]) for n in networks]
    measures = (
        ("test accuracy", "", [n["test_accuracy"] for n in networks], ACCURACIES),
        ("I(T;Y)", " bits", [last_hidden(n, "label_information") for n in networks], INFORMATIONS),
    )
    last, lines, few, none = int(networks[0]["epoch"][-1]), [], False, False
    for (name, unit, curves, thresholds), marker, colour, shift in zip(
        measures, "os", ("black", "#c2410c"), (-0.06, 0.06)
    ):
        scale = label_entropy if unit else 1
        threshold = reachable(curves, [t * scale for t in thresholds])
        told, never, of = [], [], []
        for depth, curve in zip(depths, curves):
            known = curve.dropna("replica", how="all")
            times = epochs_to(known, threshold)
            reached = times[np.isfinite(times)]
            never.append(len(times) - len(reached))
            of.append(len(times))
            if len(reached):
                error = reached.std(ddof=1) / np.sqrt(len(reached)) if len(reached) > 1 else 0
                style = {"markerfacecolor": "white"} if never[-1] else {}
                ax.errorbar(depth + shift, reached.mean(), error, fmt=marker, color=colour, capsize=2, **style)
                told.append((depth, reached.mean()))
            else:
                ax.plot(depth + shift, last, "x", color=colour)
        during = [(d, t) for d, t in told if t > 0]  # no line through the decades below the first epoch
        ax.plot([d + shift for d, _ in during], [t for _, t in during], color=colour, linewidth=0.8, alpha=0.6)
        label = f"{name} ≥ {threshold:.2g}{unit}"
        ax.plot([], [], marker, color=colour, linestyle="-", linewidth=0.8, label=label)
        lines.append(f"{label}: {_say(told, depths, never, of)}")
        few |= any(0 < k < n for k, n in zip(never, of))
        none |= len(told) < len(depths)
    if few:
        ax.plot([], [], "o", color="0.4", markerfacecolor="white", label="of the replicas that reach it alone")
    if none:
        ax.plot([], [], "x", color="0.4", label="reached by none within all epochs")
    ax.set(xlabel="hidden layers", ylabel="epochs to the threshold")
    ax.set_xlim(min(depths) - 0.5, max(depths) + 0.5)
    ax.set_xticks(depths)
    _scale(ax)
    ax.legend(loc="best")
    return lines


def _scale(ax: Axes) -> None:
    """A logarithmic axis of at least a decade; with zero, if a threshold was reached before the training."""
    drawn = np.concatenate([line.get_ydata() for line in ax.lines])
    if drawn.size and drawn.min() <= 0:
        ax.set_yscale("symlog", linthresh=1)
        ax.set_ylim(-0.1, max(2 * drawn.max(), 1))
        return
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if high / low < 10:
        ax.set_ylim(low / 2, high * 2)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def _say(told: Sequence[tuple[int, float]], depths: Sequence[int], never: Sequence[int], of: Sequence[int]) -> str:
    """Epochs by the number of layers, and who never got there."""
    if not told:
        return "reached by none"
    text = (
        f"{', '.join(f'{time:.0f}' for _, time in told)} epochs with {', '.join(str(d) for d, _ in told)} hidden layers"
    )
    missing = [f"{k} of {n} with {d}" for d, k, n in zip(depths, never, of) if k]
    return text + (f"; not reached by {', '.join(missing)}" if missing else "")
