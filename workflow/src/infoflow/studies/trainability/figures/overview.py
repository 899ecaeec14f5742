"""An experiment in one picture: what layers keep, what can be trained, how well the one tells the other, the cost."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import title
from infoflow.studies.trainability.figures.cost import auroc_height, draw_auroc, draw_seconds
from infoflow.studies.trainability.figures.entropy_maps import draw_entropy, explain_bar
from infoflow.studies.trainability.figures.trainability_map import LEGEND, draw_share


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """For every σ_b² a row of the entropy map and of what can be trained; below, AUROC and cost."""
    maps = len(experiment.sigma_b2)
    below = max(3.4, 0.9 + auroc_height(cube))
    figure, axes = plt.subplots(
        maps + 1, 2, figsize=(11, 1 + 3.9 * maps + below), squeeze=False, height_ratios=[*[3.9] * maps, below]
    )
    for (left, right), b in zip(axes, experiment.sigma_b2):
        figure.colorbar(draw_entropy(left, cube, b), ax=left, extend="both")
        figure.colorbar(draw_share(right, cube, b), ax=right)
        left.set_ylabel(f"layer $l$  ($\\sigma_b^2$ = {b:g})")
        right.set_title("share of the networks that train", pad=14)
    handles, labels = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, **LEGEND)
    draw_auroc(axes[-1, 0], cube)
    draw_seconds(axes[-1, 1], cube)
    figure.suptitle(f"{title(cube, experiment)}\nentropy map, {explain_bar(cube)}")
    return figure
