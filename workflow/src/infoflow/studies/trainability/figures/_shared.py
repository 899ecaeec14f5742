"""What the figures of experiments share."""

import json

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from infoflow.figures.chosen import MOST_BIASES, evenly
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.variables import PICTURE_LEVELS


def select_experiment(cube: xr.Dataset, experiment: Experiment) -> xr.Dataset:
    """The part of the cube that an experiment asked for."""
    axes = {"sigma_w2": list(experiment.sigma_w2), "sigma_b2": list(experiment.sigma_b2)}
    selected = cube.sel(axes).sel(layer=slice(1, experiment.depth[-1] + beyond_depth(cube)))
    depths = [d for d in experiment.depth if d in cube["depth"].values]
    return selected.sel(depth=depths)


def beyond_depth(cube: xr.Dataset) -> int:
    """How many hidden layers a network has beyond its depth: those of a stem that the depth does not count."""
    return int(cube["layers"][0] - cube["depth"][0])


def probe_variable(cube: xr.Dataset, name: str) -> xr.DataArray:
    """A variable of the probe of the deepest network."""
    values = cube[name]
    return values.isel(depth=-1) if "depth" in values.dims else values


def theory_variable(cube: xr.Dataset, name: str) -> xr.DataArray | None:
    """What theory says of a variable of the probe of the deepest network, all replicas alike; None where it is not."""
    if f"theory_{name}" not in cube:
        return None
    return probe_variable(cube, f"theory_{name}").isel(replica=0, drop=True)


def share_trained(cube: xr.Dataset) -> xr.DataArray:
    """Share of the labelled replicas that can be trained, NaN where there is none."""
    label = cube["trainable"]
    return (label == 1).where(label >= 0).mean("replica")


def label_depths(axis: Axis, depths: np.ndarray) -> None:
    """Ticks at the depths of the grid, of many at some."""
    some = depths[:: max(1, -(-len(depths) // 9))]
    axis.set_ticks(some, [str(d) for d in some])
    axis.set_ticks([], minor=True)


def title(cube: xr.Dataset, experiment: Experiment, all_biases: bool = False) -> str:
    """One line that says what was measured, and of many σ_b², unless it shows them all, of how many."""
    options = json.loads(cube.attrs["architecture"])
    weights = f", {options['weights'] or 'random'} weights" if "weights" in options else ""
    count = cube.sizes["replica"]
    # draws that all σ_w² share make neighbouring points move together
    draws = " of the same draws for all σ_w²" if cube.attrs.get("draws") == "common" and count else ""
    replicas = f"{count} replica{'' if count == 1 else 's'}{draws}"
    shown = experiment.sigma_b2 if all_biases else shown_biases(experiment)
    some = (
        f", {len(shown)} of {len(experiment.sigma_b2)} values of σ_b²" if len(shown) < len(experiment.sigma_b2) else ""
    )
    return f"{experiment.dataset}, {experiment.architecture}{weights}, {replicas}{some}"


def shown_biases(experiment: Experiment) -> list[float]:
    """The σ_b² that have a panel; of many some. Figure `phase_diagram` has all."""
    return evenly(experiment.sigma_b2, MOST_BIASES)


def data_kind(cube: xr.Dataset, experiment: Experiment) -> str:
    """Kind of the data set of an experiment."""
    return json.loads(cube.attrs.get("config", "{}")).get("datasets", {}).get(experiment.dataset, {}).get("kind", "")


def variance_within(picture: np.ndarray, other: np.ndarray, shape: tuple[int, ...]) -> float:
    """1 − |x − C|²/|x − ⟨x⟩|² of one picture, ⟨x⟩ its mean over pixels: what is explained within it."""
    x, c = (v.astype(float).reshape(-1, shape[-1] if len(shape) > 2 else 1) for v in (picture, other))
    spread = np.square(x - x.mean(0)).sum()
    return float(1 - np.square(x - c).sum() / spread) if spread else np.nan


def farthest(inputs: np.ndarray, count: int) -> list[int]:
    """The first of some pictures, and then each time that which differs most from all before; without doubles."""
    distance = np.square(inputs.astype(float)[:, None] - inputs.astype(float)[None]).sum(2)
    chosen = [0]
    while len(chosen) < min(count, len(inputs)):
        nearest = distance[chosen].min(0)
        if not nearest.any():
            break
        chosen.append(int(nearest.argmax()))
    return chosen


def criterion(cube: xr.Dataset) -> str:
    """One line that says which networks count as trainable."""
    train = json.loads(cube.attrs["train"])
    rates = ", ".join(f"{rate:g}" for rate in np.atleast_1d(train["learning_rate"]))
    chance = f" (chance: {cube.attrs['chance_accuracy']:.2f})" if "chance_accuracy" in cube.attrs else ""
    return (
        f"trainable: test accuracy ≥ {train['success_accuracy']:g}{chance} within {train['epochs']} epochs, "
        f"{train['optimizer']} at learning rate {rates}"
    )


def show_picture(ax: Axes, pixels: np.ndarray, shape: tuple[int, ...]) -> None:
    """Pixels of `pictures.as_picture`: grey levels, colours, the mean of any other channels; a vector as one row."""
    shape = shape if len(shape) > 1 else (1, -1)
    picture = (pixels.reshape(shape) / PICTURE_LEVELS).clip(0, 1)
    if picture.ndim == 3 and picture.shape[2] != 3:
        picture = picture.mean(2)
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set(visible=True, linewidth=0.4, color="0.6")
