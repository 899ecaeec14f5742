"""VGG16, as torchvision has it, random or trained on ImageNet. Source: arXiv:2406.12916, physics.md A1.

22 probed layers: 13 convolutions, 5 poolings, a Flatten and 3 dense layers; dropout and the adaptive pooling are
skipped, as published. A network of depth D consists of the first D of them.

The images lie in [0, 1], and the first layer standardises them before it convolves; its inverse gives the image in
[0, 1]. The published one gives the standardised image, whose negative values its ReLU cannot reach.
"""

import hashlib
import math
import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn
from torch.hub import download_url_to_file
from torchvision.models import VGG, VGG16_Weights, vgg16

from infoflow.architectures.modules import cut_modules, import_parameters
from infoflow.engine.maps.compose import Chain
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.map import Parameters
from infoflow.engine.maps.pooling import Standardise
from infoflow.engine.network import Block, Network
from infoflow.errors import InfoflowError
from infoflow.files.originals import download, user_path
from infoflow.files.state_dicts import read_state_dict, unwrap

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, per channel."""
PUBLISHED = "IMAGENET1K_V1"
"""Name of torchvision's weights."""
REDUCTION = 32
"""Pixels of the image per pixel of the last pooling, per side."""
CHANNELS, POOLED = 512, (7, 7)
"""Of the last pooling; its pixels those of images of 224 × 224, which the published weights are made for."""

NAMES = (
    *(
        name
        for stage, convolutions in enumerate((2, 2, 3, 3, 3), start=1)
        for name in (*(f"conv{stage}_{k}" for k in range(1, convolutions + 1)), f"pool{stage}")
    ),
    *("flatten", "fc6", "fc7", "fc8"),
)
"""Of the layers, the usual ones."""


def build(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Network:
    """See `infoflow.architectures.build.build_network`. The head is one linear layer, whatever the readout.

    `unpool` says how pooling is undone: `learned` (default), as published, or `recorded`, see `modules`.
    """
    if options.get("activation", "relu") != "relu":
        raise InfoflowError(f"vgg16: activation is {options['activation']}, but its layers have relu; set it to relu")
    _check(input_shape, depth)
    modules = _modules(_network(input_shape))
    unpool = options.get("unpool", "learned")
    blocks = cut_modules(modules, input_shape, inverse_activation="relu", unpool=unpool, names=NAMES)
    first = blocks[0]
    standardised = Chain((Standardise(input_shape, MEAN, DEVIATION), first.forward))
    blocks = (Block(standardised, first.inverse, first.name), *blocks[1:])[:depth]
    return Network(blocks, (Dense(blocks[-1].forward.output_shape, (classes,), "linear"),))


def load_weights(
    options: Mapping[str, Any], data_root: Path, input_shape: tuple[int, ...], depth: int
) -> list[Parameters]:
    """Trained weights as parameters of the first `depth` layers, without an axis of networks.

    Args:
        options: `weights` is IMAGENET1K_V1, downloaded to `data_root`/weights if it is not there, or the path of a file
            with a state dict of torchvision's VGG16, see `files.state_dicts`, relative to `data_root`;
            `weights_sha256`, if it is there, is the checksum of the file.
        data_root, input_shape, depth: as everywhere.

    Raises:
        InfoflowError: there is no such file, it is not the right one, or its weights are not those of this network.
    """
    _check(input_shape, depth)
    path = _find(options["weights"], Path(data_root))
    try:
        if not path.is_file():  # to read a pipe would be to wait
            raise FileNotFoundError("there is no such file")
        with path.open("rb") as file:
            _verify(file, path, options.get("weights_sha256"))
            given = read_state_dict(file, path)
    except OSError as error:
        raise InfoflowError(
            f"{path}: cannot be read ({error}); set weights to {PUBLISHED} or to the path of a state dict"
        ) from error
    network = _network(input_shape)
    wanted = network.state_dict()
    layers = sum(name.startswith(("conv", "fc")) for name in NAMES[:depth])
    probed = list(wanted)[: 2 * layers]  # of each a weight and a bias
    given = unwrap(given, wanted.keys(), path)
    _compare(given, wanted, probed, path)
    network.load_state_dict({name: given[name] for name in probed}, strict=False, assign=True)
    parameters = import_parameters(_modules(network), input_shape)[:depth]
    parameters[0] = {f"1.{name}": p for name, p in parameters[0].items()}  # the second part of a chain
    return parameters


def _check(input_shape: tuple[int, ...], depth: int) -> None:
    if len(input_shape) != 3 or input_shape[2] != 3 or min(input_shape[:2]) < REDUCTION:
        raise InfoflowError(
            f"vgg16 needs colour images of at least {REDUCTION} x {REDUCTION} pixels, not of shape {input_shape}; "
            "choose another data set, or its options colour and size"
        )
    if not 1 <= depth <= len(NAMES):
        raise InfoflowError(f"vgg16 has {len(NAMES)} layers, so its depth cannot be {depth}; choose one up to that")


def _network(input_shape: tuple[int, ...]) -> VGG:
    """Torchvision's network without memory for weights; its first dense layer takes what the last pooling leaves."""
    sides = _pooled(input_shape)
    with torch.device("meta"):
        network = vgg16(weights=None, init_weights=False)
        if sides != POOLED:
            network.classifier[0] = nn.Linear(CHANNELS * math.prod(sides), network.classifier[0].out_features)
    return network


def _modules(network: VGG) -> list[nn.Module]:
    return [*network.features, nn.Flatten(), *network.classifier]


def _pooled(input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Pixels that the last pooling leaves."""
    return tuple(n // REDUCTION for n in input_shape[:2])


def _find(weights: str, data_root: Path) -> Path:
    """The file of the weights, downloaded if it is torchvision's and not there."""
    if weights != PUBLISHED:
        return data_root / user_path(weights)
    url = VGG16_Weights[PUBLISHED].url
    folder = data_root / "weights"
    path = folder / url.rpartition("/")[2]
    if not os.path.exists(path):
        # What load_state_dict_from_url does, without the loading: that comes after the checks.
        fetch = partial(download_url_to_file, url, str(path), _hash_in_name(path), progress=False)
        download("the weights of VGG16", [path.name], data_root, folder, fetch)
    return path


def _hash_in_name(path: Path) -> str | None:
    """Beginning of the SHA-256 of a file that is named like torchvision's: `name-<8 digits>.pth`."""
    found = re.search(r"-([0-9a-f]{8})\.pth$", path.name)
    return found and found[1]


def _verify(file: BinaryIO, path: Path, sha256: str | None) -> None:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    if sha256 is not None and digest != sha256.lower():
        raise InfoflowError(
            f"{path}: its SHA-256 is {digest}, but weights_sha256 is {sha256}; put the right file there, or correct "
            "weights_sha256"
        )
    prefix = _hash_in_name(path)
    if prefix and not digest.startswith(prefix):
        raise InfoflowError(
            f"{path}: its SHA-256 is {digest}, but by its name should begin with {prefix}, so the file is truncated or "
            "not the original; delete it to have torchvision's downloaded again, or rename it if it is another one"
        )


def _compare(given: Parameters, wanted: Parameters, probed: list[str], path: Path) -> None:
    """Names of all tensors, and sizes of those that are probed."""
    for what, names in (("lacks", wanted.keys() - given.keys()), ("has besides", given.keys() - wanted.keys())):
        if names:
            first = ", ".join(sorted(map(str, names))[:3])
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise InfoflowError(f"{path}: it {what} {first}{more}; weights should hold torchvision's VGG16")
    for name in probed:
        size, expected = tuple(given[name].shape), tuple(wanted[name].shape)
        if size == expected and given[name].isfinite().all():
            continue
        if size == expected:
            raise InfoflowError(
                f"{path}: {name} has values that are NaN or infinite; weights should be those of a "
                "network that has learned"
            )
        told = f"{path}: {name} is of size {size}, not {expected}"
        if name == "classifier.0.weight" and size == (expected[0], CHANNELS * math.prod(POOLED)):
            raise InfoflowError(
                f"{told}: the dense layers of these weights need images of 224 x 224 pixels; choose such images, or a "
                f"depth of at most {NAMES.index('fc6')}"
            )
        raise InfoflowError(f"{told}; weights should hold torchvision's VGG16")
