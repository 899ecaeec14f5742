"""Data sets that torchvision keeps as the original, compressed IDX files."""

from pathlib import Path
from tempfile import TemporaryDirectory

from torchvision.datasets import MNIST

from infoflow.datasets import Images
from infoflow.datasets._files import download, read_original
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
        if name not in missing:
            read_original(folder / name, md5)
    if missing and all((folder / name).with_suffix("").exists() for name, _ in dataset.resources):
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
        train, test = (dataset(str(root), train=part) for part in (True, False))
        if len(train.data) != len(train.targets) or len(test.data) != len(test.targets):
            raise ValueError("images and labels differ in number")
    except (OSError, ValueError, RuntimeError, AssertionError) as error:
        raise InfoflowError(
            f"{root}: the extracted files of {dataset.__name__} are damaged ({error}); put the original .gz files there"
        ) from error
    return Images(train.data.numpy(), test.data.numpy(), train.targets.numpy(), test.targets.numpy(), levels=255)
