"""D_m against its closed form, and its collapse onto one curve of m/ξ_q."""

import math

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import say
from infoflow.figures.style import SIGMA_W2, WIDEST, curve_colours
from infoflow.studies.network_entropy.figures._shared import (
    ILL_CONDITIONED,
    chosen,
    deepest,
    name_weight,
    over_images,
    title,
    width,
)

MARKERS = "os^Dv<>p"


def draw(cube: xr.Dataset) -> Figure:
    """Left, measured over predicted D_m; right, D_m over its asymptote against m/ξ_q. Untrained networks only."""
    part = deepest(cube).sel(network="untrained")
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDEST, 5))
    weights, half = chosen(cube, 8), width(cube) / 2
    ends, left_out = [0.0], []
    for w, colour, marker in zip(weights, curve_colours(len(weights)), MARKERS):
        here = part.sel(sigma_w2=w)
        mean, error = over_images(here["relative_entropy"] / half)
        predicted = here["closed_form"].mean("image") / half
        style = {"color": colour, "marker": marker, "markersize": 4, "linestyle": "none", "elinewidth": 0.7}
        left.errorbar(predicted, mean, error, label=name_weight(w), **style)
        ends += [*predicted.values, *mean.values]
        limit = float(here["asymptote"].mean("image")) / half
        noise = float(error.isel(layer=slice(1, None)).median())
        if not np.isfinite(limit) or abs(limit) < max(ILL_CONDITIONED, 3 * noise if noise > 0 else 0):
            left_out.append(f"{w:g}")
            continue
        right.errorbar(here["scaled_layer"], mean / limit, error / abs(limit), **style)
    low, high = np.nanmin(ends), np.nanmax(ends)
    margin = 0.06 * (high - low or 1)
    left.plot([low, high], [low, high], color="0.5", linewidth=0.8, zorder=0)
    left.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
    left.set(xlabel=r"$\ln(q^{m+1}/q^1)$, closed form", ylabel="$D_m/(N/2)$, measured", title="closed form")
    s = np.linspace(0, max(right.get_xlim()[1], 1), 200)
    right.plot(s, 1 - np.exp(-s), color="black", linewidth=1, label=r"$1 - e^{-m/\xi_q}$", zorder=0)
    right.axhline(1, color="0.6", linewidth=0.8, zorder=0)
    note = (
        f" (left out, $D_\\infty$ infinite or within its noise: {SIGMA_W2} = {', '.join(left_out)})" if left_out else ""
    )
    right.set(xlabel=r"$m/\xi_q$", ylabel=r"$D_m/D_\infty$", title=f"collapse{note}", ylim=(0, None), xlim=(0, s[-1]))
    right.legend(loc="lower right")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    caption = (
        "Left: measured over predicted D_m of untrained networks, a symbol per σ_w² and layer; the line is equality. "
        "Right: D_m over its asymptote against m/ξ_q, with 1 − exp(−m/ξ_q). Error bars: standard error over replicas, "
        "of whose few the layers are not independent; where bars are as long as the curve is high nothing is tested. "
        f"Not shown: σ_w² whose asymptote is within its noise{f' ({chr(44).join(left_out)})' if left_out else ''}."
    )
    return say(figure, _verdict(part, half), caption, f"{title(cube)}, depth {int(part['depth'])}")


def _verdict(part: xr.Dataset, half: float) -> str:
    """How far measurement and closed form are apart, over all layers and σ_w²."""
    if part.sizes["layer"] < 2:
        return "No layer after the first one has as many neurons"
    if not part["closed_form"].notnull().any():
        return "Mean-field theory does not know the activation"
    mean, error = over_images(part["relative_entropy"])
    apart = (mean - part["closed_form"].mean("image")).isel(layer=slice(1, None))
    share = np.abs(apart.values / half)
    text = (
        f"D_m is {np.nanmean(share):.3f} N/2 away from the closed form on average, {np.nanmax(share):.3f} N/2 at most"
    )
    # The ratio of the mean squares: single errors of few replicas are themselves uncertain.
    noise = float((error.isel(layer=slice(1, None)) ** 2).mean())
    return (
        f"{text}, {math.sqrt(float((apart**2).mean()) / noise):.1f} standard errors (root mean square)"
        if noise > 0
        else text
    )
