"""Made-up results of reduced probes, and the ground truth that they are judged by."""

import numpy as np
import xarray as xr

from infoflow.files.names import encode
from infoflow.files.results import Result
from infoflow.studies.probing_budget.merge_probing_budget import merge_budget

WEIGHTS, DEPTHS, REPLICAS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0), (2, 4, 6, 8), 3
AXES = {"sigma_w2": WEIGHTS, "sigma_b2": [0.05], "depth": DEPTHS}
LIMITS = dict(zip(WEIGHTS, (2, 4, 8, 6, 4, 2)))


def write_truth() -> xr.Dataset:
    """What the study uses of a cube of `merge_cube`; trainable up to a depth for every σ_w²."""
    labels = np.array([[[[int(d <= LIMITS[w])] * REPLICAS for d in DEPTHS]] for w in WEIGHTS], np.int8)
    return xr.Dataset(
        {
            "trainable": (("sigma_w2", "sigma_b2", "depth", "replica"), labels),
            "train_seconds": (
                ("sigma_w2", "sigma_b2", "depth", "replica"),
                np.full(labels.shape, 10.0 / labels.shape[-1]),
            ),
        },
        {**{name: list(values) for name, values in AXES.items()}, "replica": np.arange(REPLICAS)},
        {"draws": "independent"},
    )


def synthetic(noise: np.ndarray, seed=0) -> dict[str, Result]:
    """Results of 8 layers whose scores know the limit up to noise [method, width, fraction, samples]; costs by hand."""
    rng = np.random.default_rng(seed)
    shape = noise.shape
    cost = np.ones(shape) * [1, 3] + 4 * np.arange(shape[2])[:, None]  # 1 3, 5 7, 9 11
    results = {}
    for w in WEIGHTS:
        known = LIMITS[w] - np.arange(1, 9) + 0.5  # positive where trainable
        scores = known[:, None] + noise[..., None, None, None] * rng.standard_normal((*shape, REPLICAS, 8, 3))
        results[encode(w, 0.05, 8)] = Result(
            {
                "width": np.array([4, 8]),
                "layer_score": scores.astype(np.float32),
                "fit_seconds": np.zeros(shape[:3]),
                "compose_seconds": cost / len(WEIGHTS) / 2,
                "evaluate_seconds": cost / len(WEIGHTS) / 2,
                "steps": np.array([[1, 5, 10]]),
                "training_images": np.array([[10, 20, 40]]),
            },
            {},
        )
    return results


def merge(results, truth=None, **changes) -> xr.Dataset:
    options = {"axes": AXES, "methods": ["adam"], "budget": {"fractions": [0.1, 0.5, 1.0], "samples": [4, 12]}}
    options |= {"experiment": "digits", "seed": 0, "attributes": {"experiment": "digits"}}
    return merge_budget(results, write_truth() if truth is None else truth, **(options | changes))


# [method, width, fraction, samples]: narrow networks know nothing, a tenth of the steps little
NOISE = np.array([[[[60.0, 60.0]] * 3, [[3.0, 3.0], [0.0, 0.0], [0.0, 0.0]]]])
