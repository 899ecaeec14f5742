"""Made-up cubes of experiments whose columns collapse at layers that are known, and maps of them."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from infoflow.studies.maps.merge_map import merge_maps

WEIGHTS, BIASES, EDGE = (0.5, 1.0, 1.5, 2.0, 3.0), (0.05,), 1.76
XI = {0.5: 1.0, 1.0: 2.0, 1.5: 4.0, 2.0: 5.0, 3.0: 3.0}
"""ξ_c by σ_w²."""
BEFORE, BEHIND = -5.0, -30.0
"""Entropies before the layer of the collapse, and from it on."""
MLP = {"kind": "mlp", "layout": "wide", "width": None, "activation": "tanh", "head": []}
RESNET = {"kind": "resnet", "channels": 8, "activation": "tanh"}


def entropy(collapse: Mapping[float, float], layers: int, biases: int, replicas: int) -> np.ndarray:
    """H [σ_w², σ_b², replica, layer] of columns that collapse at layers, by σ_w²; inf, never."""
    at = np.array([collapse[w] for w in collapse])[:, None]
    values = np.where(np.arange(1, layers + 1) < at, BEFORE, BEHIND)
    return np.broadcast_to(values[:, None, None], (len(at), biases, replicas, layers)).astype(np.float32)


def make_cube(
    measured: Mapping[float, float],
    theory: Mapping[float, float] | None = None,
    layers: int = 24,
    replicas: int = 2,
    biases: Sequence[float] = BIASES,
    architecture: Mapping = MLP,
) -> xr.Dataset:
    """What the study uses of a cube of `merge_cube`; `measured` and `theory`: layers of the collapse by σ_w²."""
    weights = list(measured)
    known = architecture["kind"] != "resnet"
    sizes = len(biases), replicas
    maps = {"": entropy(measured, layers, *sizes)}
    if theory is not None:
        maps["theory_"] = entropy(theory, layers, *sizes)
    per_layer, column = ("sigma_w2", "sigma_b2", "replica", "layer"), ("sigma_w2", "sigma_b2")
    xi = np.array([[XI.get(w, w) if known else np.nan] * len(biases) for w in weights])
    return xr.Dataset(
        {
            **{f"{prefix}differential_entropy": (per_layer, h) for prefix, h in maps.items()},
            **{f"{prefix}explained_variance": (per_layer, 1 + h / 20) for prefix, h in maps.items()},
            "xi_c": (column, xi),
            "edge_of_chaos": (("sigma_b2",), np.full(len(biases), EDGE if known else np.nan)),
        },
        {
            "sigma_w2": weights,
            "sigma_b2": list(biases),
            "replica": np.arange(replicas),
            "layer": np.arange(1, layers + 1),
        },
        {"architecture": json.dumps(dict(architecture))},
    )


MEASURED = {0.5: 9, 1.0: 16, 1.5: np.inf, 2.0: np.inf, 3.0: 20}
"""On the ordered side 9 ξ_c, 8 ξ_c and beyond the depth."""
PREDICTED = {0.5: 8, 1.0: 16, 1.5: np.inf, 2.0: np.inf, 3.0: np.inf}
SLOPE = (1 * 9 + 2 * 16) / (1**2 + 2**2)


def about(*names: str, architecture: str = "mlp") -> list[dict[str, str]]:
    """What a job is told of experiments."""
    return [{"name": n, "dataset": n, "architecture": architecture, "method": "kernel cascade"} for n in names]


def merge(cubes: Mapping[str, xr.Dataset], threshold: float = -12.0) -> xr.Dataset:
    """The map of some cubes."""
    kinds = {name: json.loads(cube.attrs["architecture"])["kind"] for name, cube in cubes.items()}
    told = [one for name, kind in kinds.items() for one in about(name, architecture=kind)]
    return merge_maps(cubes, told, threshold, {"title": "test"})
