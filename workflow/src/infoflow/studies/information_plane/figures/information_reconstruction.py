"""What the information plane sees and what the reconstruction sees of the same networks, over training."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.chosen import evenly
from infoflow.figures.say import listed
from infoflow.figures.style import SIGMA_W2, WIDEST, curve_colours, finite_entropy, over_replicas
from infoflow.studies.information_plane.figures._shared import (
    epoch_axis,
    family,
    known_estimator,
    last_hidden,
    no_values,
    one,
    say_estimator,
    snapshots,
    sound,
    title,
    write_heading,
    write_legend,
)

NOISY = "kernel_upper"
"""The estimator that is preferred: with a noise of its own, I(X;T) is finite whatever the activation."""
MOST_PANELS = 5
SNAPSHOTS = 5
LOWEST = -0.5
"""Least explained variance that is drawn."""


def draw(cube: xr.Dataset) -> Figure:
    """One column per σ_w²; I(X;T), entropy and explained variance of the reconstruction over the layers; accuracy."""
    cube = sound(cube)
    chosen = evenly(family(cube, "sigma_w2"), MOST_PANELS)
    estimator = known_estimator(cube, chosen, NOISY)
    moments = sorted({*snapshots(cube["epoch"].values, SNAPSHOTS), *_jumps(cube, chosen)})
    colours = curve_colours(len(moments))
    measures = (
        ("$I(X;T)$\n(bits)", lambda network: network["input_information"].isel(estimator=estimator), 1),
        ("entropy $H(C^l)$\n(nats per pixel)", lambda network: finite_entropy(network["differential_entropy"]), 1),
        ("explained\nvariance $R^2$", lambda network: network["explained_variance"].clip(min=LOWEST), 2),
    )
    figure, axes = plt.subplots(
        4,
        len(chosen),
        figsize=(min(WIDEST, max(6, 2 + 2.7 * len(chosen))), 9.2),
        sharex=False,
        sharey="row",
        squeeze=False,
    )
    for column, n in zip(axes.T, chosen):
        network = one(cube, n)
        for ax, (_, measure, digits) in zip(column, measures):
            _draw_layers(ax, measure(network), moments, colours, digits)
        _draw_accuracy(column[-1], network, moments, colours)
        column[-1].axhline(2 ** -float(cube["label_entropy"]), color="0.5", linestyle=":", linewidth=1)  # chance
        column[0].set_title(f"{_name(network)}\n{column[0].get_title()}", fontsize=8)
        for ax in column[:2]:
            ax.set_xlabel("")
    for ax, (label, _, _) in zip(axes[:, 0], measures):
        ax.set_ylabel(label)
    axes[0, 0].set_ylim(0, 1.04 * float(cube["input_entropy"]))
    axes[3, 0].set(ylabel="accuracy", ylim=(0, 1.03))
    for ax in axes[:, 1:].flat:
        ax.tick_params(labelleft=False)
    handles = [
        plt.Line2D([], [], color=c, marker="o", markersize=4, label=f"epoch {int(cube['epoch'][k])}")
        for k, c in zip(moments, colours)
    ]
    for line, part in (("-", "test accuracy"), ("--", "training accuracy")):
        handles.append(plt.Line2D([], [], color="black", linestyle=line, label=part))
    write_legend(figure, handles)
    how = f"$I(X;T)$ by {say_estimator(cube, estimator)}; above the panels: last hidden layer, first → last epoch"
    caption = (
        "The same networks in three ways during training, a column per σ_w²: I(X;T) of every layer, differential "
        "entropy of the input reconstructed from it, explained variance, and below the accuracy, whose chance is "
        "dotted. Bars and bands are standard deviations over replicas; where single replicas learn at different "
        "epochs they are wide, and the mean is that of none of them. Among the epochs drawn are those between which "
        f"the accuracy rises most. Entropies are cut at −20, R² at {LOWEST:g}."
    ).replace("-", "−")
    write_heading(figure, _finding(cube, chosen), caption, *title(cube, chosen, "sigma_w2"), how)
    return figure


def _jumps(cube: xr.Dataset, chosen: list[int]) -> set[int]:
    """Indices of the epochs between which the mean accuracy rises most, of every network."""
    found = set()
    for n in chosen:
        accuracy = one(cube, n)["test_accuracy"].mean("replica").values
        if len(accuracy) > 1 and np.isfinite(accuracy).all():
            k = int(np.diff(accuracy).argmax())
            found |= {k, k + 1}
    return found


def _finding(cube: xr.Dataset, chosen: list[int]) -> str:
    """R² of the last hidden layer before training, and the accuracy after it, by σ_w²."""
    weights, variances, accuracies = [], [], []
    for n in chosen:
        network = one(cube, n)
        before = float(last_hidden(network, "explained_variance").mean("replica")[0])
        after = float(network["test_accuracy"].mean("replica")[-1])
        if np.isfinite(before) and np.isfinite(after):
            weights.append(f"{float(network['sigma_w2']):g}")
            variances.append(f"{before:.2f}".replace("-", "−"))
            accuracies.append(f"{after:.2f}")
    if not weights:
        return "No values"
    return (
        f"σ_w² = {', '.join(weights)}: R² {listed(variances)} before training, accuracy {listed(accuracies)} after it"
    )


def _name(network: xr.Dataset) -> str:
    """σ_w² = 1, χ₁ = 0.78, the latter where there is a theory."""
    if network["initialization"].item() != "gaussian":
        return str(network["initialization"].item()).replace("_", " ")
    chi_1 = float(network["chi_1"])
    return f"{SIGMA_W2} = {float(network['sigma_w2']):g}" + (f", $\\chi_1$ = {chi_1:.2f}" if np.isfinite(chi_1) else "")


def _draw_layers(ax: Axes, values: xr.DataArray, moments: list[int], colours: list, digits: int) -> None:
    """Means over replicas, one curve per epoch; bars: standard deviation over replicas."""
    layers = values["layer"].values
    names = [*map(str, layers[:-1]), "out"]
    ax.set_xticks(layers, names)
    ax.set_xlim(layers[0] - 0.4, layers[-1] + 0.4)
    ax.set_xlabel("layer")
    if not bool(values.notnull().any()):
        return no_values(ax)
    mean, spread = over_replicas(values)
    for k, colour in zip(moments, colours):
        bars = {"elinewidth": 0.7, "markersize": 3, "linewidth": 1.2}
        ax.errorbar(layers, mean.isel(epoch=k), spread.isel(epoch=k), fmt="-o", color=colour, **bars)
    last = last_hidden(mean.to_dataset(name="mean"), "mean")
    ax.set_title(f"{float(last[0]):.{digits}f} → {float(last[-1]):.{digits}f}".replace("-", "−"), fontsize=8)


def _draw_accuracy(ax: Axes, network: xr.Dataset, moments: list[int], colours: list) -> None:
    epochs = network["epoch"]
    epoch_axis(ax, epochs.values)
    ax.set_xlabel("epoch")
    test, spread = over_replicas(network["test_accuracy"])
    if not bool(test.notnull().any()):
        return no_values(ax)
    ax.fill_between(epochs, test - spread, test + spread, color="0.85", linewidth=0)
    ax.plot(epochs, test, color="black", linewidth=1.2)
    ax.plot(epochs, network["train_accuracy"].mean("replica"), color="black", linestyle="--", linewidth=1)
    for k, colour in zip(moments, colours):
        ax.plot(epochs[k], test[k], "o", color=colour, markersize=4, zorder=5, clip_on=False)
    ax.set_title(f"test {float(test[0]):.2f} → {float(test[-1]):.2f}", fontsize=8)
