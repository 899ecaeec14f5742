"""Paths of the layers through the information plane, one panel per activation."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.studies.information_plane.figures._shared import draw_panels, family, last_hidden, sound


def draw(cube: xr.Dataset) -> Figure:
    """Means over replicas."""
    cube = sound(cube)
    return draw_panels(cube, family(cube, "activation"), "activation", "Paths through the information plane", str, _say)


def _say(network: xr.Dataset) -> str:
    """I(X;T) of the last hidden layer at first, at most, and at last."""
    values = last_hidden(network, "input_information").mean("replica").dropna("epoch")
    if not values.size:
        return "last hidden layer: no values"
    top = int(np.argmax(values.values))
    return (
        f"last hidden layer, $I(X;T)$: {float(values[0]):.2f} at first,\n"
        f"at most {float(values[top]):.2f} (epoch {int(values['epoch'][top])}), {float(values[-1]):.2f} bits at last"
    )
