"""What the figures of the information plane share: families of networks, names, paths in the plane."""

import json
import math
from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import FuncNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from infoflow.figures.chosen import evenly
from infoflow.figures.say import say as say_all
from infoflow.figures.style import SIGMA_W2, WIDEST, curve_colours
from infoflow.files.conventions import OK

SETTINGS = (
    "activation",
    "hidden",
    "hidden_layers",
    "train_fraction",
    "optimizer",
    "learning_rate",
    "initialization",
    "sigma_w2",
    "sigma_b2",
)
"""Coordinates of a network: all that networks differ in."""

MARKERS = "osD^vPX*<>hp"
"""Of the layers, so that they are told apart without colour."""

INPUT, LABEL = "$I(X;T)$ (bits)", "$I(T;Y)$ (bits)"


def sound(cube: xr.Dataset) -> xr.Dataset:
    """The cube with NaN in place of everything that was measured in replicas that diverged."""
    ok = cube["status"] == OK
    measured = {k: v.where(ok).transpose(*v.dims) for k, v in cube.data_vars.items() if "replica" in v.dims}
    return cube.assign({k: v for k, v in measured.items() if k != "status"})


def family(cube: xr.Dataset, *axes: str) -> list[int]:
    """Indices of the largest group of networks that agree in all settings but the named ones; of equals the first.

    One network per value of the axes, ordered along the first of them if it is of numbers, else as in the cube. Those
    of which all replicas diverged are left out, as long as there are others. Never empty.
    """
    groups: dict[tuple, dict[tuple, int]] = {}
    for n in usable(cube):
        same = tuple(_setting(cube, n, s) for s in SETTINGS if s not in axes)
        groups.setdefault(same, {}).setdefault(tuple(_setting(cube, n, a) for a in axes), n)
    largest = max(groups.values(), key=len)
    if isinstance(next(iter(largest))[0], str):
        return list(largest.values())
    return [largest[value] for value in sorted(largest)]


def usable(cube: xr.Dataset) -> list[int]:
    """Indices of the networks with a replica that did not diverge, all of them if there is none.

    The first of them is the reference.
    """
    there = np.flatnonzero((cube["status"] == OK).any("replica").values)
    return there.tolist() or list(range(cube.sizes["network"]))


def _setting(cube: xr.Dataset, n: int, name: str) -> str | float:
    value = cube[name].values[n]
    if cube[name].dtype.kind not in "fiu":
        return str(value)
    return -math.inf if np.isnan(value) else float(value)  # NaN equals nothing, not even itself


def one(cube: xr.Dataset, n: int) -> xr.Dataset:
    """A network, in the layers that it has."""
    return cube.isel(network=n, layer=np.flatnonzero(cube["layer_width"].values[n] > 0))


def last_hidden(network: xr.Dataset, name: str) -> xr.DataArray:
    """A variable of a network of `one` in its last hidden layer, the one before the output."""
    return network[name].isel(layer=-2 if network.sizes["layer"] > 1 else -1)


def violation(network: xr.Dataset) -> float:
    """By how many bits I(T;Y) of the output exceeds that of the last hidden layer, at most, in the mean over replicas.

    The output is a function of that layer: a true information cannot grow, so that above zero the estimator is wrong.
    """
    if network.sizes["layer"] < 2:
        return 0.0
    mean = network["label_information"].mean("replica")
    excess = (mean.isel(layer=-1) - mean.isel(layer=-2)).max()
    return max(0.0, float(excess)) if np.isfinite(excess) else 0.0


def snapshots(epochs: np.ndarray, count: int) -> list[int]:
    """Indices of at most so many epochs, about evenly spaced in ln(1 + epoch), the first and the last one included."""
    logs = np.log1p(epochs)
    return sorted({int(abs(logs - x).argmin()) for x in np.linspace(logs[0], logs[-1], count)})


def mean_and_error(values: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean over replicas and its standard error; NaN for a single one."""
    return values.mean("replica"), values.std("replica", ddof=1) / np.sqrt(values.notnull().sum("replica"))


def say(value: float, error: float = math.nan, digits: int = 2, sign: str = "") -> str:
    """A number with its error, if it has one."""
    return f"{value:{sign}.{digits}f}" + (f" ± {error:.{digits}f}" if np.isfinite(error) else "")


def known_estimator(cube: xr.Dataset, chosen: Sequence[int], preferred: str | None = None) -> int:
    """The preferred estimator, else the first one that is known of all those networks, else the first one."""
    names = cube["estimator"].values.tolist()
    order = sorted(range(len(names)), key=lambda k: names[k] != preferred)
    known = cube["input_information"].isel(network=list(chosen)).notnull().any(("replica", "epoch", "layer"))
    return next((k for k in order if bool(known.isel(estimator=k).all())), 0)


def name_estimator(cube: xr.Dataset, k: int) -> tuple[str, str]:
    """`layer range` and `bins 30`: an estimator and its constants."""
    constants = json.loads(str(cube["estimator_constants"].values[k]))
    said = (f"{key} {v:g}" if isinstance(v, int | float) else f"{key} {v}" for key, v in constants.items())
    return str(cube["estimator"].values[k]).replace("_", " "), ", ".join(said).replace("_", " ")


def say_estimator(cube: xr.Dataset, k: int) -> str:
    """`layer range (bins 30)`."""
    name, constants = name_estimator(cube, k)
    return f"{name} ({constants})" if constants else name


def layer_names(network: xr.Dataset) -> list[str]:
    """`layer 1`, ..., `output` of a network of `one`."""
    return [*(f"layer {l}" for l in network["layer"].values[:-1]), "output"]


def describe(cube: xr.Dataset, n: int, *free: str) -> str:
    """The settings of a network in words, without those that a figure varies."""
    told = {name: cube[name].values[n] for name in SETTINGS}
    gaussian = str(told["initialization"]) == "gaussian"
    variances = (("sigma_w2", SIGMA_W2), ("sigma_b2", r"$\sigma_b^2$"))
    scale = [f"{sign} = {told[name]:g}" for name, sign in variances if gaussian and name not in free]
    parts = {
        "activation": str(told["activation"]),
        "hidden": f"hidden layers of {told['hidden']}",
        "optimizer": f"{told['optimizer']}, learning rate {told['learning_rate']:g}",
        "train_fraction": f"trained on {told['train_fraction']:.3g} of the data",
        "initialization": ", ".join(scale) or str(told["initialization"]).replace("_", " "),
    }
    return ", ".join(text for name, text in parts.items() if name not in free)


def title(cube: xr.Dataset, chosen: Sequence[int], *free: str) -> list[str]:
    """Lines that say what was measured: data, networks, replicas, and who is missing because its training diverged."""
    replicas = cube.sizes["replica"]
    lines = [
        f"{cube.attrs['dataset']}, {replicas} replica{'s' if replicas > 1 else ''}, {describe(cube, chosen[0], *free)}"
    ]
    lost = (cube["status"] != OK).sum("replica").values
    names = cube["network"].values
    missing = [f"{lost[n]} of {names[n]}" for n in chosen if lost[n]]
    missing += [f"all of {names[n]}" for n in range(len(names)) if lost[n] == replicas and n not in chosen]
    if missing:
        lines.append(f"diverged: {', '.join(missing)}")
    return lines


def write_heading(figure: Figure, finding: str, caption: str, *settings: str) -> None:
    """The finding above a figure, below it lines that say of what it is, in one; and its caption."""
    say_all(figure, finding, caption, "; ".join(settings))


def write_legend(figure: Figure, handles: Sequence[Line2D]) -> None:
    """A legend below a figure, as wide as fits in: entries of 1.1 inches."""
    columns = max(1, int(figure.get_figwidth() / 1.1))
    rows = math.ceil(len(handles) / columns)
    figure.legend(handles=handles, loc="outside lower center", ncols=math.ceil(len(handles) / rows))


def epoch_axis(ax: Axes, epochs: np.ndarray) -> None:
    """A logarithmic axis of epochs, with 0 on it."""
    last = max(int(epochs[-1]), 1)
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ax.set_xlim(0, last * 1.02)
    decades = [10**k for k in range(int(math.log10(last)) + 1)]
    ticks = [0, *evenly(decades, 4)]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()


def epoch_norm(epochs: np.ndarray) -> Normalize:
    """Colours of epochs, even in ln(1 + epoch)."""
    return FuncNorm((np.log1p, np.expm1), 0, max(int(epochs[-1]), 1))


def epoch_bar(figure: Figure, norm: Normalize, axes) -> None:
    """The bar of those colours."""
    decades = [10**k for k in range(int(math.log10(norm.vmax)) + 1)]
    colours = plt.cm.ScalarMappable(norm, "viridis")
    bar = figure.colorbar(colours, ax=axes, label="epoch", ticks=[0, *decades], format="{x:g}", aspect=30, pad=0.01)
    bar.minorticks_off()


def plane(ax: Axes, cube: xr.Dataset) -> None:
    """Axes of the information plane, and the bounds I(T;Y) ≤ I(X;T) and I(T;Y) ≤ H(Y)."""
    right, top = float(cube["input_entropy"]), float(cube["label_entropy"])
    ax.fill([0, 0, 1.06 * right, 1.06 * right, top], [0, 1.1 * top, 1.1 * top, top, top], color="0.92", linewidth=0)
    ax.set(xlim=(-0.02 * right, 1.06 * right), ylim=(-0.04 * top, 1.1 * top), xlabel=INPUT)
    ax.label_outer()


def draw_panels(
    cube: xr.Dataset, chosen: Sequence[int], axis: str, said: tuple[str, str], name: Callable, say: Callable
) -> Figure:
    """Paths through the information plane, one panel per network.

    Args:
        cube: that of `sound`.
        axis: the setting in which the networks differ.
        said: finding and caption.
        name: title of a panel, of the value of that setting.
        say: lines below it, of a network of `one` in the estimator that is shown.
    """
    estimator = known_estimator(cube, chosen)
    size = min(WIDEST, 2.6 + 3.4 * len(chosen)), 4.9
    figure, axes = plt.subplots(1, len(chosen), figsize=size, sharex=True, sharey=True, squeeze=False)
    norm = epoch_norm(cube["epoch"].values)
    for ax, n in zip(axes[0], chosen):
        network = one(cube, n).isel(estimator=estimator)
        plane(ax, cube)
        draw_paths(ax, network, norm)
        ax.set_title(f"{name(cube[axis].values[n])}\n{say(network)}", fontsize=8)
    axes[0, 0].set_ylabel(LABEL)
    epoch_bar(figure, norm, axes)
    write_legend(figure, layer_handles(layer_names(deepest(cube, chosen))))
    how = f"estimator: {say_estimator(cube, estimator)}; grey: out of bounds; large symbols: end, small ones: untrained"
    write_heading(figure, *said, *title(cube, chosen, axis), how)
    return figure


def draw_paths(ax: Axes, network: xr.Dataset, norm: Normalize) -> None:
    """Every layer's mean over replicas on its way through the plane, coloured by epoch; symbols, where it ends."""
    here = network[["input_information", "label_information"]].mean("replica")
    drawn = False
    for l, marker in zip(range(here.sizes["layer"]), _cycle(MARKERS)):
        points = np.stack([here["input_information"].isel(layer=l), here["label_information"].isel(layer=l)], axis=-1)
        known = np.isfinite(points).all(-1)
        points, epochs = points[known], here["epoch"].values[known]
        if not len(points):
            continue
        drawn = True
        pieces = np.stack([points[:-1], points[1:]], axis=1)
        ax.add_collection(LineCollection(pieces, array=epochs[1:], norm=norm, cmap="viridis", linewidth=1.6, zorder=3))
        ax.scatter(*points.T, c=epochs, norm=norm, cmap="viridis", s=5, linewidth=0, zorder=4)
        ax.plot(*points[0], marker, color="white", markeredgecolor="0.3", markersize=4, zorder=5, clip_on=False)
        last = plt.get_cmap("viridis")(norm(epochs[-1]))
        ax.plot(*points[-1], marker, color=last, markeredgecolor="black", markersize=7.5, zorder=6, clip_on=False)
    if not drawn:
        no_values(ax)


def layer_handles(names: Sequence[str], colours: Sequence | None = None) -> list[Line2D]:
    """Entries of a legend of layers: their symbols, and their colours if they have some."""
    shown = colours or ["0.75"] * len(names)
    return [
        Line2D([], [], marker=m, color=c, markeredgecolor="black", linestyle="none", markersize=7, label=name)
        for name, m, c in zip(names, _cycle(MARKERS), shown)
    ]


def layer_colours(network: xr.Dataset) -> list:
    return curve_colours(network.sizes["layer"])


def deepest(cube: xr.Dataset, chosen: Sequence[int]) -> xr.Dataset:
    """The one of these networks with most layers."""
    return max((one(cube, n) for n in chosen), key=lambda network: network.sizes["layer"])


def no_values(ax: Axes) -> None:
    ax.text(0.5, 0.5, "no values", transform=ax.transAxes, ha="center", va="center", color="0.4")


def _cycle(symbols: str):
    while True:
        yield from symbols
