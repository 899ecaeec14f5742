"""What a summary is made of, with known boundaries."""

from pathlib import Path

import xarray as xr
from PIL import Image

from infoflow.files.names import encode
from infoflow.studies.claims.variables import FAILS, HOLDS, VERDICTS
from infoflow.studies.summary.page import Drawn
from made_up import evaluation, merge, training

WEIGHTS, DEPTHS = (0.5, 1.0, 1.8, 3.0), (2, 4, 6)


def cube_of(limits) -> xr.Dataset:
    """With networks that train down to a depth of every σ_w²."""
    evaluations = {encode(w, 0.05, 6): evaluation(k, 6) for k, w in enumerate(WEIGHTS)}
    trainings = {
        encode(w, 0.05, d): training(0.9 if d <= limit else 0.3) for w, limit in zip(WEIGHTS, limits) for d in DEPTHS
    }
    return merge(evaluations, trainings)


def claims() -> xr.Dataset:
    """Of which one fails, with an interval, and two hold."""
    of = ("claim",)
    numbers = {"value": [0.5, 1.0, 2.0], "low": [0.25, 1.0, 2.0], "high": [0.75, 1.0, 2.0]}
    texts = {name: [f"{name} <{k}>" for k in range(3)] for name in ("statement", "source", "expected", "scope")}
    verdict = [VERDICTS.index(v) for v in (FAILS, HOLDS, HOLDS)]
    found = xr.Dataset({name: (of, v) for name, v in {**numbers, **texts, "verdict": verdict}.items()})
    found["verdict"].attrs["flag_meanings"] = " ".join(v.replace(" ", "_") for v in VERDICTS)
    return found


def drawn(folder: Path, group="digits", name="trainability_map", size=(30, 20)) -> Drawn:
    """A red picture."""
    path = folder / f"{group}_{name}.png"
    Image.new("RGB", size, "red").save(path)
    return Drawn(group, name, f"finding of {name}", f"caption of {name} & <more>", path)
