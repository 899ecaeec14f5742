"""Made-up experiments as the explorer shows them: one with ground truth, and one of probes alone."""

from pathlib import Path

import numpy as np
import xarray as xr

from infoflow.files.cubes import write_cube
from infoflow.files.names import encode
from infoflow.files.results import Result, write_result
from infoflow.studies.explorer.explorer import explorer
from infoflow.studies.trainability.cube import read_trainability
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.pictures import take_pictures
from jobs import make_job
from made_up import REPLICAS, evaluation, merge, scored

WEIGHTS, BIASES, DEPTHS, RATES, EPOCHS = (0.5, 1.0, 1.8, 3.0), (0.05, 0.1), (2, 4, 6), (0.1, 0.01), 4
METHODS = {
    "kernel": {"title": "kernel cascade", "network": True},
    "theory": {"title": "theory of the kernel cascade", "network": False},
    "adam": {"title": "Adam cascade", "network": True},
}
PREDICTORS = {"snip": "SNIP", "grasp": "GraSP"}
TITLE = "a run <b>&</b> </script> of <experiments>"
ASKED = {
    "judged": Experiment("judged", "digits", "mlp", WEIGHTS, BIASES, DEPTHS, "digits", False, ()),
    "probed": Experiment("probed", "digits", "cnn", WEIGHTS, (0.05,), (6,), None, False, ()),
}


def trained(best: float, seed: int) -> Result:
    """The trainings of a point at two learning rates; the second one is not tried by replicas that succeed at once."""
    history = np.full((REPLICAS, 2, EPOCHS), np.nan, np.float32)
    noise = np.random.default_rng(seed).random((REPLICAS, 2, EPOCHS)) / 100
    history[:, 0] = np.linspace(0.1, best, EPOCHS) + noise[:, 0]
    status = np.full((REPLICAS, 2), 2, np.int8)
    status[:, 0] = 0
    if best < 0.8:
        history[:, 1], status[:, 1] = np.linspace(0.05, best, EPOCHS) + noise[:, 1], 0
    return Result({"accuracy": history, "loss": 2 - history, "status": status, "seconds": np.full(REPLICAS, 2.5)}, {})


def cubes() -> dict[str, xr.Dataset]:
    """By the name of the experiment. Of the first one a probe diverged, and a point was not trained."""
    columns = [(w, b) for w in WEIGHTS for b in BIASES]
    deep = {encode(w, b, 6): evaluation(k, 6, broken=0 if k == 3 else None) for k, (w, b) in enumerate(columns)}
    deep = {name: Result(r.variables, {**r.attributes, "probe_method": "kernel"}) for name, r in deep.items()}
    beside = {m: {name: evaluation(50 + k, 6) for k, name in enumerate(deep)} for m in ("theory", "adam")}
    trainings = {
        encode(w, b, d): trained(0.9 if w > 0.6 and d < 5 else 0.3, k)
        for k, (w, b, d) in enumerate((w, b, d) for w, b in columns for d in DEPTHS)
        if (w, b, d) != (3.0, 0.1, 6)
    }
    train = {"epochs": EPOCHS, "optimizer": "sgd", "learning_rate": list(RATES), "success_accuracy": 0.8}
    predictors = {encode(w, b, 6): scored(k, DEPTHS) for k, (w, b) in enumerate(columns)}
    axes = {"sigma_w2": list(WEIGHTS), "sigma_b2": list(BIASES), "depth": list(DEPTHS)}
    judged = merge(deep, trainings, beside, predictors, train=train, axes=axes, experiment="judged")
    judged["differential_entropy"][-1, 0, :, 3:] = -np.inf  # what differs no more
    judged["prediction_score"][-1, 0, 1:, :, 0] = -np.inf
    return {"judged": judged, "probed": merge({encode(w, 0.05, 6): evaluation(9, 6) for w in WEIGHTS}, {})}


def pictured(folder: Path) -> list[Path]:
    """Evaluated probes of the first experiment, of the first σ_b²; in one of them layers diverged."""
    rng, written = np.random.default_rng(0), []
    for w in WEIGHTS:
        found = take_pictures(rng.random((REPLICAS, 6, 4, 64)), rng.random((4, 64)), 4)
        status = np.zeros((REPLICAS, 6), np.int8)
        status[0, 2:] = w > 2
        found["probe_status"] = (("replica", "layer"), status, {"long_name": "status", "units": "1"})
        path = folder / f"{encode(w, BIASES[0], 6)}.nc"
        write_result(path, found, {"image_shape": np.array([8, 8], np.int32)})
        written.append(path)
    return written


def make_page(folder: Path) -> tuple[Path, dict[str, xr.Dataset]]:
    """Run the job on them: the page, and the cubes as they are read."""
    files = {name: folder / f"{name}.nc" for name in ASKED}
    for name, cube in cubes().items():
        write_cube(cube, files[name], "merge_cube")
    parameters = {
        "title": TITLE,
        "experiments": {name: vars(asked) for name, asked in ASKED.items()},
        "methods": METHODS,
        "predictors": PREDICTORS,
    }
    inputs = {"cubes": list(files.values()), "probes_judged": pictured(folder)}
    explorer(make_job(parameters, folder / "explorer.html", inputs, rule="explorer"))
    return folder / "explorer.html", {name: read_trainability(file) for name, file in files.items()}
