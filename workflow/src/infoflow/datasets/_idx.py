"""Data sets that torchvision keeps as the original, compressed IDX files."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from torchvision.datasets import MNIST
from torchvision.datasets.utils import calculate_md5

from infoflow.datasets import Images
from infoflow.errors import InfoflowError


def load_idx(dataset: type[MNIST], data_root: Path) -> Images:
    """Both parts of a torchvision data set of the MNIST family.

    The compressed originals are looked for in `data_root`, and downloaded to it if they are not there. Their checksums
    are verified at every load, and they are extracted into a temporary directory: `data_root` may be read-only. Where
    only extracted files are left, which have no checksums, they are read as they are.

    Raises:
        InfoflowError: a file is damaged, or is missing and cannot be downloaded to `data_root`.
    """
    folder = Path(data_root) / dataset.__name__ / "raw"
    missing = [name for name, _ in dataset.resources if not (folder / name).exists()]
    for name, md5 in dataset.resources:
        if name not in missing and calculate_md5(str(folder / name)) != md5:
            raise InfoflowError(
                f"{folder / name}: wrong checksum (its md5 should be {md5}), so the file is truncated or not the "
                "original; delete it to have it downloaded again"
            )
    if missing and all((folder / name).with_suffix("").exists() for name, _ in dataset.resources):
        return _read(dataset, data_root)
    if missing:
        _download(dataset, Path(data_root), folder, missing)

    with TemporaryDirectory() as scratch:
        raw = Path(scratch) / dataset.__name__ / "raw"
        raw.mkdir(parents=True)
        for name, _ in dataset.resources:
            (raw / name).symlink_to((folder / name).resolve())
        dataset(scratch, download=True)  # finds the files whole, and extracts them
        return _read(dataset, scratch)


def _read(dataset: type[MNIST], root: str | Path) -> Images:
    try:
        train, test = (dataset(str(root), train=part) for part in (True, False))
        if len(train.data) != len(train.targets) or len(test.data) != len(test.targets):
            raise ValueError("images and labels differ in number")
    except (OSError, ValueError, RuntimeError, AssertionError) as error:
        raise InfoflowError(
            f"{root}: the extracted files of {dataset.__name__} are damaged ({error}); put the original .gz files there"
        ) from error
    return Images(train.data.numpy(), test.data.numpy(), train.targets.numpy(), test.targets.numpy(), levels=255)


def _download(dataset: type[MNIST], data_root: Path, folder: Path, missing: list[str]) -> None:
    what = f"{dataset.__name__} ({', '.join(missing)})"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"no write permission on {folder}")
    except OSError as error:
        raise InfoflowError(
            f"data_root {data_root} is not writable and does not hold {what}: {error}; "
            "set data_root (or INFOFLOW_DATA) to a writable directory, or put the files there"
        ) from error
    try:
        dataset(str(data_root), train=True, download=True)
    except (OSError, RuntimeError) as error:
        raise InfoflowError(
            f"cannot download {what} to {folder}: {error}; download the files elsewhere and put them there"
        ) from error
