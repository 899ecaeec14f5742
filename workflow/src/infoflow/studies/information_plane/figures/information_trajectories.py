"""Paths of the layers through the information plane, one panel per activation."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from infoflow.figures.say import listed
from infoflow.studies.information_plane.figures._shared import (
    draw_panels,
    family,
    known_estimator,
    last_hidden,
    one,
    sound,
    violation,
)

LEAST = 0.02
"""Bits that are more than rounding."""


def draw(cube: xr.Dataset) -> Figure:
    """Means over replicas."""
    cube = sound(cube)
    chosen = family(cube, "activation")
    return draw_panels(cube, chosen, "activation", _finding(cube, chosen), str, _say)


def _finding(cube: xr.Dataset, chosen: list[int]) -> tuple[str, str]:
    """What I(X;T) of the last hidden layer loses, by activation; and where the estimator contradicts itself."""
    estimator = known_estimator(cube, chosen)
    said, wrong = [], []
    for n in chosen:
        network, name = one(cube, n).isel(estimator=estimator), str(cube["activation"].values[n])
        values = last_hidden(network, "input_information").mean("replica").dropna("epoch")
        if values.size:
            said.append(f"{float(values.max() - values[-1]):.1f} bits ({name})")
        if (excess := violation(network)) > LEAST:
            wrong.append(f"{name} by {excess:.2f} bits")
    finding = (
        f"From its maximum to the end I(X;T) of the last hidden layer falls by {listed(said)}" if said else "No values"
    )
    invalid = (
        f" For {listed(wrong)} the output knows more of the label than the layer that it is computed from, which no "
        "true information can: there the estimator is not valid."
        if wrong
        else ""
    )
    caption = (
        "Paths of the layers through the information plane during training, means over replicas, coloured by epoch; "
        f"nothing can lie in the grey region.{invalid} Falls are from the maximum of a noisy mean, so that they are "
        "too large; figure information_estimators has errors and other estimators. Not shown: single replicas."
    )
    names = listed([text.split()[0] for text in wrong])
    return f"{finding}, where the estimator is not valid for {names}" if wrong else finding, caption


def _say(network: xr.Dataset) -> str:
    """I(X;T) of the last hidden layer at first, at most, and at last."""
    values = last_hidden(network, "input_information").mean("replica").dropna("epoch")
    if not values.size:
        return "last hidden layer: no values"
    top = int(np.argmax(values.values))
    excess = violation(network)
    warning = f"\nnot valid: output exceeds it by {excess:.2f} bits of $I(T;Y)$" if excess > LEAST else ""
    return (
        f"last hidden layer, $I(X;T)$: {float(values[0]):.2f} at first,\n"
        f"at most {float(values[top]):.2f} (epoch {int(values['epoch'][top])}), {float(values[-1]):.2f} bits at "
        f"last{warning}"
    )
