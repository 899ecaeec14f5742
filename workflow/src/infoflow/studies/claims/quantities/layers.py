"""Of the relative entropy through networks: means over images, errors over replicas."""

import numpy as np
import xarray as xr

from infoflow.studies.claims.intervals import Interval, exact, over_replicas

SAME = 0
"""Value of `layer_case`: as wide as the first layer."""


def divergence_rise(cube: xr.Dataset, sigma_w2: float, network: str = "untrained") -> Interval:
    """D_m, mean of the second half of the layers that are as wide as the first, nats; it begins at zero."""
    return over_replicas(_late(_deepest(cube, sigma_w2), network))


def divergence_trained(cube: xr.Dataset, sigma_w2: float) -> Interval:
    """The same of trained over that of untrained networks, less one."""
    trained, untrained = (_late(_deepest(cube, sigma_w2), network) for network in ("trained", "untrained"))
    return over_replicas(trained / untrained - 1)


def excess_kurtosis(cube: xr.Dataset, sigma_w2: float) -> Interval:
    """Mean over images and equally wide layers of untrained networks; zero for a Gaussian."""
    one = _deepest(cube, sigma_w2)
    return over_replicas(
        one["excess_kurtosis"].sel(network="untrained")[..., : _last(one) + 1].mean(("image", "layer"))
    )


def accuracy_drop(cube: xr.Dataset, centre: float) -> Interval:
    """Accuracy of the deepest trained networks at a σ_w² less that at either end of the axis."""
    accuracy = cube["accuracy"].isel(sigma_b2=0, depth=-1)
    middle = accuracy.sel(sigma_w2=centre).values
    return over_replicas([middle - accuracy.isel(sigma_w2=end).values for end in (0, -1)])


def variance_length(cube: xr.Dataset) -> Interval:
    """Largest ξ_q of the grid, over the ξ_c of the same point."""
    xi_q, xi_c = (cube[name].values.ravel() for name in ("xi_q", "xi_c"))
    return exact(float(xi_q[xi_c.argmax()] / xi_c.max()))


def _deepest(cube: xr.Dataset, sigma_w2: float) -> xr.Dataset:
    return cube.isel(sigma_b2=0, depth=-1).sel(sigma_w2=sigma_w2)


def _last(one: xr.Dataset) -> int:
    return int((one["layer_case"].values == SAME).sum()) - 1


def _late(one: xr.Dataset, network: str) -> np.ndarray:
    """[replica]"""
    last = _last(one)
    layers = slice(last // 2 + 1, last + 1)
    values = one["relative_entropy"].sel(network=network).isel(layer=layers).mean(("image", "layer"))
    return values.values.astype(float)
