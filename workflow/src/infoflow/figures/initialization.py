"""Initialisation check: the variance of the pre-activations against its mean-field recursion."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures._style import LINES, SIGMA_W2, curve_colours, probe_variable, title
from infoflow.grid import Experiment


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Above, every replica over the theory; below, the deviation in units of the finite-width spread."""
    columns = len(experiment.sigma_b2)
    figure, axes = plt.subplots(
        2, columns, figsize=(1 + 5.5 * columns, 5.2), squeeze=False, sharex=True, height_ratios=(2, 1)
    )
    measured = probe_variable(cube, "pre_activation_variance")
    theory = probe_variable(cube, "pre_activation_variance_theory")
    spread = probe_variable(cube, "pre_activation_variance_theory_spread")
    colours = curve_colours(len(experiment.highlight))
    for (top, bottom), b in zip(axes.T, experiment.sigma_b2, strict=True):
        for w, colour, line in zip(experiment.highlight, colours, LINES):
            here = {"sigma_w2": w, "sigma_b2": b}
            q, s, z = theory.sel(here), spread.sel(here), measured.sel(here)
            top.plot(q["layer"], q, color=colour, linestyle=line, label=f"{SIGMA_W2} = {w:g}")
            top.fill_between(q["layer"], (q - 2 * s).clip(min=1e-12), q + 2 * s, color=colour, alpha=0.2, linewidth=0)
            deviation = (z - q) / s
            for r in z["replica"]:
                top.plot(z["layer"], z.sel(replica=r), ".", color=colour, markersize=3)
                bottom.plot(z["layer"], deviation.sel(replica=r), ".", color=colour, markersize=3)
        top.set(yscale="log", ylabel="$q^l$", title=f"$\\sigma_b^2$ = {b:g}")
        bottom.axhspan(-2, 2, color="0.85", zorder=0)
        bottom.axhline(0, color="0.5", linewidth=0.8)
        bottom.set(xlabel="layer $l$", ylabel="deviation /\nfinite-width spread", xlim=(0.5, cube.sizes["layer"] + 0.5))
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(experiment.highlight))
    )
    figure.suptitle(
        "Initialisation check: pre-activation variance of one image\n"
        f"dots: replicas; lines and bands: mean-field recursion ± 2 standard deviations\n{title(cube, experiment)}"
    )
    return figure
