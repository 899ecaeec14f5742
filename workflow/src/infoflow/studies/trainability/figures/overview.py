"""An experiment in one picture: what layers keep, what can be trained, how well the one tells the other, the cost."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.chosen import evenly
from infoflow.figures.say import say
from infoflow.figures.style import WIDEST
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import shown_biases, title
from infoflow.studies.trainability.figures.cost import auroc_height, draw_auroc, draw_seconds, say_quality
from infoflow.studies.trainability.figures.entropy_maps import EXTEND, draw_entropy, explain_bar
from infoflow.studies.trainability.figures.trainability_map import LEGEND, criterion, draw_share

MOST_MAPS = 2
"""Of σ_b²; figures `entropy_maps` and `trainability_map` have more."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """For σ_b² a row of the entropy map and of what can be trained; below, AUROC and cost."""
    biases = evenly(shown_biases(experiment), MOST_MAPS)
    maps, below = len(biases), max(3.4, 1.4 + auroc_height(cube))
    figure, axes = plt.subplots(
        maps + 1, 2, figsize=(WIDEST, 1.8 + 3.6 * maps + below), squeeze=False, height_ratios=[*[3.6] * maps, below]
    )
    for (left, right), b in zip(axes, biases):
        figure.colorbar(draw_entropy(left, cube, b), ax=left, extend=EXTEND["differential_entropy"])
        figure.colorbar(draw_share(right, cube, b), ax=right)
        left.set_ylabel(f"layer $l$  ($\\sigma_b^2$ = {b:g})")
        right.set_title("share of the networks that train", pad=14)
    handles, labels = axes[0, 1].get_legend_handles_labels()
    style = {"title": "above, right", "title_fontsize": 8, **LEGEND}
    figure.legend(handles, labels, loc="outside lower center", ncols=3, **style)
    draw_auroc(axes[-1, 0], cube)
    draw_seconds(axes[-1, 1], cube)
    caption = (
        "Above, left: differential entropy of what can be reconstructed from every layer of the untrained network; "
        "right: which share of the networks trains, with what predicts its boundary. Below: how well every score of "
        "the untrained network ranks those that train above those that do not, beside the depth alone, and the seconds "
        "that probing and training take. Not shown: how good the networks would get, as trainings stop at the success "
        "accuracy."
    )
    settings = f"{title(cube, experiment)}; {criterion(cube)}; {explain_bar(cube)}"
    return say(figure, say_quality(cube), caption, settings)
