"""CIFAR-10: 50,000 + 10,000 pictures of animals and vehicles, 32 × 32 pixels (Krizhevsky, 2009).

Its files are Python pickles, which can run anything when they are read. They are read only if they are the originals,
byte for byte, and even then nothing but arrays can come out of them.
"""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import download_and_extract_archive

from infoflow.datasets import Images
from infoflow.datasets._files import download, read_original
from infoflow.errors import InfoflowError

_ALLOWED = {
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],  # by its name of NumPy 1
}


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """The published split: grey levels [M, 32, 32], or with `colour` [M, 32, 32, 3].

    The files are downloaded to `data_root` if they are not there; otherwise it may be read-only.

    Raises:
        InfoflowError: a file is damaged, or is missing and cannot be downloaded to `data_root`.
    """
    data_root = Path(data_root)
    folder = data_root / CIFAR10.base_folder
    checksums = dict(CIFAR10.train_list + CIFAR10.test_list)
    if missing := [name for name in checksums if not (folder / name).exists()]:
        for name, md5 in checksums.items():
            if name not in missing:
                read_original(folder / name, md5)  # what is damaged is refused, not overwritten
        # Without torchvision's data set, which unpickles what it has downloaded.
        archive = {"filename": CIFAR10.filename, "md5": CIFAR10.tgz_md5}
        download(
            "CIFAR10",
            missing,
            data_root,
            folder,
            lambda: download_and_extract_archive(CIFAR10.url, data_root, **archive),
        )
    images, labels = [], []
    for batches in (CIFAR10.train_list, CIFAR10.test_list):
        parts = [_read_batch(folder / name, md5, options.get("colour", False)) for name, md5 in batches]
        images.append(np.concatenate([part for part, _ in parts]))
        labels.append(np.concatenate([part for _, part in parts]))
    return Images(*images, *labels, levels=255)


def to_grey(colours: np.ndarray) -> np.ndarray:
    """Luma of ITU-R BT.601, rounded like Pillow's: uint8 [..., 3] to uint8 [...]."""
    red, green, blue = (colours[..., channel].astype(np.uint32) for channel in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)


def _read_batch(path: Path, md5: str, colour: bool) -> tuple[np.ndarray, np.ndarray]:
    contents = read_original(path, md5)
    try:
        batch = _ArraysOnly(io.BytesIO(contents), encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise InfoflowError(f"{path}: not a batch of CIFAR-10 ({error}); put the original file there") from error
    images = batch["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images) if colour else to_grey(images), np.array(batch["labels"], np.int64)


class _ArraysOnly(pickle.Unpickler):
    """Reads numbers, strings, lists, dictionaries and NumPy arrays; names of anything else are refused, not looked up.

    Raises:
        UnpicklingError: there is something else.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]
