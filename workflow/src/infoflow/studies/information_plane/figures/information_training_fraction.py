"""Paths of the layers through the information plane, one panel per fraction of the data that is trained on."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.chosen import evenly
from infoflow.figures.say import listed
from infoflow.studies.information_plane.figures._shared import draw_panels, family, mean_and_error, one, say, sound

MOST_PANELS = 4


def draw(cube: xr.Dataset) -> Figure:
    """Means over replicas; the information is that of all data, trained on or not."""
    cube = sound(cube)
    chosen = evenly(family(cube, "train_fraction"), MOST_PANELS)
    return draw_panels(cube, chosen, "train_fraction", _finding(cube, chosen), _name, _say)


def _finding(cube: xr.Dataset, chosen: list[int]) -> tuple[str, str]:
    """Test accuracy by fraction."""
    said = []
    for n in chosen:
        accuracy, error = (float(v) for v in mean_and_error(one(cube, n)["test_accuracy"].isel(epoch=-1)))
        if np.isfinite(accuracy):
            said.append(f"{say(accuracy, error, 3)} on {100 * float(cube['train_fraction'][n]):.3g} % of the data")
    caption = (
        "Paths of the layers through the information plane for networks trained on parts of the data, means over "
        "replicas; the information is that of all data. If few data overfit, I(T;Y) of the output ends below its "
        "maximum; both are above the panels. Not shown: errors of I(T;Y) and single replicas."
    )
    return (f"Trained networks reach a test accuracy of {listed(said)}" if said else "No network was trained"), caption


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
