"""Data sets that torchvision keeps as the original, compressed IDX files."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from torchvision.datasets import MNIST

from infoflow.datasets.images import Images
from infoflow.errors import InfoflowError
from infoflow.files.originals import download, read_original

TRAIN_SAMPLES, TEST_SAMPLES = 60_000, 10_000
_SIZES = {
    "train-images-idx3-ubyte": 16 + TRAIN_SAMPLES * 28**2,
    "train-labels-idx1-ubyte": 8 + TRAIN_SAMPLES,
    "t10k-images-idx3-ubyte": 16 + TEST_SAMPLES * 28**2,
    "t10k-labels-idx1-ubyte": 8 + TEST_SAMPLES,
}
"""Bytes of the extracted files, of every data set of the family."""


def load_idx(dataset: type[MNIST], data_root: Path) -> Images:
    """Both parts of a torchvision data set of the MNIST family.

    The compressed originals are looked for in `data_root`, and downloaded to it if they are not there. Their checksums
    are verified at every load, and they are extracted into a temporary directory: `data_root` may be read-only. Where
    only extracted files are left, which have no checksums, they are read as they are.

    Raises:
        InfoflowError: a file is damaged, or is missing and cannot be downloaded to `data_root`.
    """
    folder = Path(data_root) / dataset.__name__ / "raw"
    missing = [name for name, _ in dataset.resources if not os.path.exists(folder / name)]
    for name, md5 in dataset.resources:
        if name not in missing:
            read_original(folder / name, md5)
    if missing and all(os.path.exists((folder / name).with_suffix("")) for name, _ in dataset.resources):
        return _read(dataset, data_root)
    if missing:
        download(
            dataset.__name__, missing, data_root, folder, lambda: dataset(str(data_root), train=True, download=True)
        )

    with TemporaryDirectory() as scratch:
        raw = Path(scratch) / dataset.__name__ / "raw"
        raw.mkdir(parents=True)
        for name, _ in dataset.resources:
            (raw / name).symlink_to((folder / name).resolve())
        dataset(scratch, download=True)  # finds the files whole, and extracts them
        return _read(dataset, scratch)


def _read(dataset: type[MNIST], root: str | Path) -> Images:
    try:
        for name, _ in dataset.resources:
            path = Path(root, dataset.__name__, "raw", name).with_suffix("")
            if path.stat().st_size != _SIZES[path.name]:  # before all of it is read
                raise ValueError(f"{path.name} has {path.stat().st_size} bytes, not {_SIZES[path.name]}")
        train, test = (dataset(str(root), train=part) for part in (True, False))
        for part, number in ((train, TRAIN_SAMPLES), (test, TEST_SAMPLES)):
            shapes = tuple(part.data.shape), tuple(part.targets.shape)
            if shapes != ((number, 28, 28), (number,)):
                raise ValueError(f"images and labels are of shape {shapes[0]} and {shapes[1]}")
    except Exception as error:  # what is no table of numbers fails in many ways
        raise InfoflowError(
            f"{root}: the extracted files of {dataset.__name__} are damaged ({error}); put the original .gz files there"
        ) from error
    return Images(train.data.numpy(), test.data.numpy(), train.targets.numpy(), test.targets.numpy(), levels=255)
