"""Made-up results of jobs, as the merges of the trainability study read them."""

import math

import numpy as np
import xarray as xr

from infoflow.files.conventions import DIVERGED, OK, POINT
from infoflow.files.names import decode, encode
from infoflow.files.results import Result
from infoflow.studies.trainability.evaluate_kl import evaluate_probe
from infoflow.studies.trainability.merge_cube import merge_results

REPLICAS, SAMPLES, PIXELS = 2, 6, 5
MLP = {"kind": "mlp", "layout": "wide", "activation": "tanh"}
CNN = {"kind": "cnn", "channels": 7, "activation": "tanh"}
RESNET = {"kind": "resnet", "channels": 7, "activation": "tanh"}
VGG16 = {"kind": "vgg16", "activation": "relu"}
IMAGE = (8, 8)
_JOBS = {"jobs": 2, "wall_seconds": 9.0, "peak_memory_mb": 500.0}
COST = {
    "probe_cascade": {**_JOBS, "cpu_seconds": 3.0, "gpu_seconds": 2.0, "gpu_peak_memory_mb": 900.0},
    "train_network": {**_JOBS, "cpu_seconds": 12.0, "gpu_seconds": 8.0, "gpu_peak_memory_mb": 800.0},
}


def evaluation(
    seed: int,
    layers: int,
    broken: int | slice | None = None,
    since: int = 1,
    shape: tuple[int, ...] = (PIXELS,),
    images_of: int = 0,
    kept: int | None = None,
) -> Result:
    """The evaluation of a made-up probe whose reconstructions lose the input layer by layer.

    Args:
        broken: replicas that are not finite from layer `since` on.
        kept: of how many of the layers; by default of all.
    """
    pixels = math.prod(shape)
    images = np.random.default_rng(images_of).random((SAMPLES, pixels)).astype(np.float32)
    rng = np.random.default_rng(seed + 1)
    noise = rng.random((REPLICAS, layers, SAMPLES, pixels)).astype(np.float32)
    weight = np.linspace(0.1, 1, layers)[:, None, None]
    reconstructions = (1 - weight) * images + weight * noise
    if broken is not None:
        reconstructions[broken, since - 1 :] = np.nan
    probe = Result(
        {
            "reconstructions": reconstructions[:, :kept],
            "evaluation_images": images,
            "losses": rng.random((REPLICAS, layers, 20))[:, :kept],
            "pre_activation_moments": rng.random((REPLICAS, layers, SAMPLES))[:, :kept],
        },
        {},
    )
    variables = {name: values for name, (_, values, _) in evaluate_probe(probe, 1e-12, 0.005).items()}
    attributes = {
        "probe_seconds": 2.0,
        "layer_widths": np.full(layers if kept is None else kept, 7),
        "image_shape": np.array(shape, np.int32),
        "device": "CPU",
        "precision": "float32",
    }
    return Result(variables, attributes)


def training(accuracy: float, epochs: int = 3, diverged: bool = False) -> Result:
    """The trainings of a point at one learning rate."""
    history = np.full((REPLICAS, 1, 4), np.nan, np.float32)
    history[..., :epochs] = np.linspace(0.1, accuracy, epochs)
    status = np.array([[DIVERGED if diverged else OK], [OK]], np.int8)
    return Result({"accuracy": history, "loss": 1 - history, "status": status, "seconds": np.full(REPLICAS, 2.5)}, {})


def merge(evaluations, trainings, beside=None, predictors=None, **changes) -> xr.Dataset:
    """A cube of results by the name of the point; by default of all that there are."""
    options = {
        "prefix_invariant": True,
        "architecture": MLP,
        "train": {"epochs": 4, "optimizer": "sgd", "learning_rate": [0.1], "success_accuracy": 0.8},
        "experiment": "digits",
        "run": {"seed": 0, "draws": "independent"},
    }
    options["axes"] = dict(zip(POINT, (sorted(set(v)) for v in zip(*map(decode, [*evaluations, *trainings])))))
    if trainings and changes.get("prefix_invariant", True):  # of probes the deepest
        options["axes"]["depth"] = sorted({decode(name)[2] for name in trainings})
    attributes = {"title": "test", "config": {"a": 1}, "cost": COST, "probing_to_training": {"probe_cascade": 0.25}}
    results = {"evaluations": evaluations, "trainings": trainings, "predictors": predictors or {}, **(beside or {})}
    return merge_results(results, attributes=attributes, **(options | changes))


def scored(seed: int, depths: tuple[int, ...] = (2, 4, 6, 8)) -> Result:
    """Made-up scores of two predictors for a column; the second applies to no network."""
    rng = np.random.default_rng(seed)
    score = np.stack([rng.random((len(depths), REPLICAS)), np.full((len(depths), REPLICAS), np.nan)])
    cost = rng.random((2, len(depths)))
    variables = {"depth": np.array(depths), "score": score, "raw": 2 * score, "seconds": cost, "memory": 1e6 * cost}
    return Result(variables, {"predictors": ["snip", "grasp"]})


WIDTHS, DEPTHS = (0.5, 1.0, 1.8, 3.0), (2, 4, 6)
TRUTH = {encode(w, 0.05, d): training(0.9 if w > 0.6 and d < 5 else 0.3) for w in WIDTHS for d in DEPTHS}


def merge_images(architecture, layers: int, **changes) -> xr.Dataset:
    """A cube of probes of images at depth 6 with the ground truth of DEPTHS."""
    evaluations = {encode(w, 0.05, 6): evaluation(k, layers, shape=IMAGE) for k, w in enumerate(WIDTHS)}
    return merge(evaluations, TRUTH, architecture=architecture, **changes)
