"""Initialisation check: the variance of the pre-activations against its mean-field recursion."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.style import LINES, SIGMA_W2, curve_colours
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import probe_variable, title


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Above, every replica over the theory; below, the deviation, where it is known in units of its expected spread."""
    columns = len(experiment.sigma_b2)
    figure, axes = plt.subplots(
        2, columns, figsize=(1 + 5.5 * columns, 5.2), squeeze=False, sharex=True, height_ratios=(2, 1)
    )
    measured = probe_variable(cube, "pre_activation_variance")
    theory = probe_variable(cube, "pre_activation_variance_theory")
    spread = probe_variable(cube, "pre_activation_variance_theory_spread")
    with_theory, with_spread = bool(theory.notnull().any()), bool(spread.notnull().any())
    colours = curve_colours(len(experiment.highlight))
    for (top, bottom), b in zip(axes.T, experiment.sigma_b2, strict=True):
        for w, colour, line in zip(experiment.highlight, colours, LINES):
            here = {"sigma_w2": w, "sigma_b2": b}
            q, s, z = theory.sel(here), spread.sel(here), measured.sel(here)
            if not with_theory:
                q = z.mean("replica")
            top.plot(q["layer"], q, color=colour, linestyle=line, label=f"{SIGMA_W2} = {w:g}")
            if with_spread:
                low = (q - 2 * s).clip(min=float(z.min()) / 10)  # the axis is logarithmic
                top.fill_between(q["layer"], low, q + 2 * s, color=colour, alpha=0.2, linewidth=0)
            deviation = (z - q) / (s if with_spread else q)
            for r in z["replica"]:
                top.plot(z["layer"], z.sel(replica=r), ".", color=colour, markersize=3)
                bottom.plot(z["layer"], deviation.sel(replica=r), ".", color=colour, markersize=3)
        top.set(yscale="log", ylabel="$q^l$", title=f"$\\sigma_b^2$ = {b:g}")
        if with_spread:
            bottom.axhspan(-2, 2, color="0.85", zorder=0)
        bottom.axhline(0, color="0.5", linewidth=0.8)
        label = "deviation /\nfinite-width spread" if with_spread else "relative deviation"
        bottom.set(xlabel="layer $l$", ylabel=label, xlim=(0.5, cube.sizes["layer"] + 0.5))
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(experiment.highlight))
    )
    lines = "lines: mean-field recursion" if with_theory else "lines: their mean; there is no theory here"
    if with_spread:
        lines = "lines and bands: mean-field recursion ± 2 standard deviations"
    heading = "Initialisation check: pre-activation variance of one image"
    figure.suptitle(f"{heading}\ndots: replicas; {lines}\n{title(cube, experiment)}")
    return figure
