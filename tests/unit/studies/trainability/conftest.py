import numpy as np
import pytest

from infoflow.datasets.images import Images
from infoflow.datasets.prepared import write_prepared
from infoflow.jobs.record import describe_job

DATA = {"options": {"kind": "made up"}, "seed": 0}
"""Parameters of the prepared data set."""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A data set of three classes, 8 x 8 pixels, 40 images to learn from and 20 to test with; and its parameters."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((60, 8, 8)).astype(np.float32), np.arange(60) % 3
    path = tmp_path_factory.mktemp("data") / "small.nc"
    parts = Images(images[:40], images[40:], labels[:40], labels[40:])
    write_prepared(path, parts, 0, describe_job("prepare_dataset", DATA))
    return path, DATA
