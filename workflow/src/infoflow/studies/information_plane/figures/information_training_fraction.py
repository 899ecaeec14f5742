"""Paths of the layers through the information plane, one panel per fraction of the data that is trained on."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.studies.information_plane.figures._shared import draw_panels, evenly, family, mean_and_error, say, sound

MOST_PANELS = 4


def draw(cube: xr.Dataset) -> Figure:
    """Means over replicas; the information is that of all data, trained on or not."""
    cube = sound(cube)
    chosen = evenly(family(cube, "train_fraction"), MOST_PANELS)
    return draw_panels(cube, chosen, "train_fraction", "Training data and the information plane", _name, _say)


def _name(fraction: float) -> str:
    return f"trained on {100 * fraction:.3g} % of the data"


def _say(network: xr.Dataset) -> str:
    """What the output knows of the label at its best and at last, and how the network does on the rest of the data."""
    values = network["label_information"].isel(layer=-1).mean("replica").dropna("epoch")
    if not values.size:
        return "output: no values"
    best = int(np.argmax(values.values))
    accuracy, error = (float(v) for v in mean_and_error(network["test_accuracy"].isel(epoch=-1)))
    return (
        f"output, $I(T;Y)$: at most {float(values[best]):.2f} (epoch {int(values['epoch'][best])}),\n"
        f"{float(values[-1]):.2f} bits at last; test accuracy {say(accuracy, error)}"
    )
