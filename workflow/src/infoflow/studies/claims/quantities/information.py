"""Of the information plane: last hidden layers, errors over replicas."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from infoflow.studies.claims.intervals import Interval, Untested, exact, over_replicas

SCALARS = ("input_entropy", "label_entropy")


def source_entropy(cube: xr.Dataset) -> Interval:
    """H(X) and H(Y), bits."""
    return exact([float(cube[name]) for name in SCALARS])


def compression(cube: xr.Dataset, estimator: str | Sequence[str], network: Mapping[str, Any]) -> Interval:
    """Bits by which I(X;T) falls from where its mean is largest to the end of the training, by estimator."""
    names = [estimator] if isinstance(estimator, str) else estimator
    one = _last_layer(_network(cube, network))["input_information"]
    return over_replicas([_fall(one.sel(estimator=name)) for name in names])


def compression_of_run(cube: xr.Dataset, estimator: Sequence[str], network: Mapping[str, Any]) -> Interval:
    """The mean of the same in this very run: to compare with what is printed of it."""
    one = _last_layer(_network(cube, network))["input_information"]
    return exact([float(_fall(one.sel(estimator=name)).mean()) for name in estimator], 1e-6)


def label_loss(cube: xr.Dataset, estimator: str, network: Mapping[str, Any]) -> Interval:
    """Bits by which I(T;Y) falls from where its mean is largest to the end of the training."""
    return over_replicas(_fall(_last_layer(_network(cube, network))["label_information"].sel(estimator=estimator)))


def label_gain(cube: xr.Dataset, estimator: str, network: Mapping[str, Any]) -> Interval:
    """Bits by which I(T;Y) rises from the beginning of the training to its end."""
    one = _last_layer(_network(cube, network))["label_information"].sel(estimator=estimator)
    return over_replicas((one.isel(epoch=-1) - one.isel(epoch=0)).values)


def label_difference(
    cube: xr.Dataset, estimator: str, network: Mapping[str, Any], other: Mapping[str, Any]
) -> Interval:
    """I(T;Y) of a network at the end less that of another, bits."""
    end = [
        _last_layer(_network(cube, n))["label_information"].sel(estimator=estimator).isel(epoch=-1).values
        for n in (network, other)
    ]
    return over_replicas(end[0] - end[1])


def input_rise(cube: xr.Dataset, estimator: str, network: Mapping[str, Any]) -> Interval:
    """Bits by which I(X;T) rises from the beginning to where its mean is largest: the phase of fitting."""
    one = _last_layer(_network(cube, network))["input_information"].sel(estimator=estimator)
    return over_replicas((one.isel(epoch=_peak(one)) - one.isel(epoch=0)).values)


def gradient_ratio_log(cube: xr.Dataset, network: Mapping[str, Any], epoch: int, layer: int = 1) -> Interval:
    """ln of mean over spread of the gradients into a layer, at a snapshot by its index."""
    one = _network(cube, network)["gradient_snr"].sel(layer=layer).isel(epoch=epoch)
    return over_replicas(np.log(one.values))


def onset_after_drift(cube: xr.Dataset, estimator: str, network: Mapping[str, Any]) -> Interval:
    """ln of the epoch from which I(X;T) falls over the one from which gradients spread more than they drift.

    Of every network, between snapshots, whose distance is added to the interval; epochs count from one.
    """
    one = _network(cube, network)
    information = _last_layer(one)["input_information"].sel(estimator=estimator).transpose("replica", "epoch").values
    drifting = one["gradient_snr"].sel(layer=1).transpose("replica", "epoch").values >= 1
    if not drifting[:, 0].all() or drifting.all(1).any():
        raise Untested("the gradients do not begin to drift, or do not end it, in every network")
    time = np.log1p(cube["epoch"].values.astype(float))
    found = over_replicas([time[i.argmax()] - time[d.argmin()] for i, d in zip(information, drifting)])
    step = np.diff(time).max() / 2
    return Interval(found.value, found.low - step, found.high + step)


def depth_speedup(cube: xr.Dataset, accuracy: float, hidden: Sequence[str]) -> Interval:
    """ln of the epochs to a test accuracy of every network over those of the next one in a list."""
    time = [_log_epochs(_network(cube, {"hidden": name, "train_fraction": 0.85}), accuracy) for name in hidden]
    return over_replicas([a - b for a, b in itertools.pairwise(time)])


def processing_steps(cube: xr.Dataset, estimator: str, network: Mapping[str, Any]) -> Interval:
    """Least of I(X;T_l) - I(X;T_{l+1}) over epochs and layers, of the means over replicas, bits."""
    one = _network(cube, network)
    count = int(one["hidden_layers"])
    mean = one["input_information"].sel(estimator=estimator).isel(layer=slice(count)).mean("replica")
    return exact(float(-mean.diff("layer").max()), 1e-6)


def before_epoch(
    cube: xr.Dataset, variable: str, network: Mapping[str, Any], epoch: int, estimator: str | None = None
) -> Interval:
    """Largest mean over replicas of a variable up to an epoch, in this very run: to compare with what is said of it.

    Of the last hidden layer where it has layers.
    """
    one = _network(cube, network)
    one = one[variable] if "layer" not in cube[variable].dims else _last_layer(one)[variable]
    one = one if estimator is None else one.sel(estimator=estimator)
    values = one.isel(epoch=cube["epoch"].values <= epoch).transpose("epoch", "replica").values
    return exact(float(values.mean(1).max()), 1e-6)


def least_information(cube: xr.Dataset, estimator: str, network: Mapping[str, Any]) -> Interval:
    """Least mean over replicas of I(X;T) of the last hidden layer over H(X), likewise."""
    one = _last_layer(_network(cube, network))["input_information"].sel(estimator=estimator)
    values = one.transpose("epoch", "replica").values / float(cube["input_entropy"])
    return exact(float(values.mean(1).min()), 1e-6)


def _fall(values: xr.DataArray) -> np.ndarray:
    """From the epoch where the mean over replicas is largest to the last one, [replica]."""
    return (values.isel(epoch=_peak(values)) - values.isel(epoch=-1)).values.astype(float)


def _peak(values: xr.DataArray) -> int:
    """Index of the snapshot at which the mean over replicas is largest."""
    return int(np.argmax(values.mean("replica").values))


def _log_epochs(one: xr.Dataset, accuracy: float) -> np.ndarray:
    """ln(1 + epoch) at which the test accuracy is reached, interpolated between snapshots, [replica]."""
    time = np.log1p(one["epoch"].values.astype(float))
    found = []
    for curve in one["test_accuracy"].transpose("replica", "epoch").values:
        if curve.max() < accuracy:
            raise Untested(f"not every network reaches an accuracy of {accuracy:g}")
        k = int((curve >= accuracy).argmax())
        share = (accuracy - curve[k - 1]) / (curve[k] - curve[k - 1]) if k else 1.0
        found.append(time[k] if not k else time[k - 1] + share * (time[k] - time[k - 1]))
    return np.array(found)


def _network(cube: xr.Dataset, wanted: Mapping[str, Any]) -> xr.Dataset:
    """The one network of the cube with these properties; of several the first, unless they say more."""
    wanted = {"activation": "tanh", **wanted}
    fits = np.logical_and.reduce([cube[name].values == value for name, value in wanted.items()])
    if not fits.any():
        raise Untested(f"the cube has no network with {', '.join(f'{k} {v}' for k, v in wanted.items())}")
    return cube.isel(network=int(fits.argmax()))


def _last_layer(one: xr.Dataset) -> xr.Dataset:
    return one.isel(layer=int(one["hidden_layers"]) - 1)
