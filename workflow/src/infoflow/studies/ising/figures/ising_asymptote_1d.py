"""One-dimensional Ising model: what the relative entropy tends to, and what the first decimation does."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import say


def draw(cube: xr.Dataset) -> Figure:
    """Against K0: left, the relative entropy after 1, 2 and infinitely many decimations; right, the refined probes."""
    k = cube["coupling"].values
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9))
    left.plot(k, cube["asymptote"], "k-", linewidth=2, label="asymptote of A and B")
    for n, colour in zip((1, 2), ("#3a9bc1", "#c2410c")):
        if n < cube.sizes["step"]:
            left.plot(k, cube["relative_entropy_b"].sel(step=n), "-", color=colour, label=f"B, $n$ = {n}")
            left.plot(k, cube["relative_entropy_a"].sel(step=n), "--", color=colour, label=f"A, $n$ = {n}")
    left.axhline(np.log(2), color="0.6", linestyle=":", label="ln 2")
    left.set(ylabel="relative entropy per spin, nats", xlim=(0, k.max()), ylim=(0, 1.02))
    left.legend(loc="upper left", ncols=2)
    right.plot(k, cube["conditional_entropy"].sel(step=1), color="#3a9bc1", label="entropy of decimated given kept")
    information = cube["mutual_information"].sel(step=1)
    right.plot(k, information, color="#7d1f6b", linestyle="--", label="mutual information")
    peak = int(np.argmax(information.values))
    right.plot(k[peak], information[peak], "o", color="#7d1f6b", markersize=5)
    right.set(ylabel="nats per spin", xlim=(0, k.max()), title="refined probes of the first decimation")
    right.legend()
    for ax in (left, right):
        ax.set_xlabel("coupling $K_0$")
    left.set_title("the asymptote depends on the coupling")
    low, high = (float(cube["asymptote"].isel(coupling=i)) for i in (0, -1))
    finding = f"The asymptote depends on the coupling: {low:.4f} at K₀ = {k[0]:g}, {high:.4f} at {k[-1]:g}"
    caption = (
        "Ising chain, exact. Left: the relative entropy after one, two and infinitely many decimations; A, the "
        "coupling flows on the same lattice; B, decimated spins are replaced by uniform ones. Right: refined probes "
        f"of the first decimation; of the couplings computed the mutual information is largest at K₀ = {k[peak]:g} "
        f"({float(information[peak]):.4f}), though a chain has no transition. Not shown: finite rings."
    )
    return say(figure, finding, caption, f"Ising chain, exact, {len(k)} couplings")
