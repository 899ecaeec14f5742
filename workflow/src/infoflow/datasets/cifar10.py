"""CIFAR-10: 50,000 + 10,000 pictures of animals and vehicles, 32 × 32 pixels (Krizhevsky, 2009).

Its files are Python pickles, which can run anything when they are read. They are read only if they are the originals,
byte for byte, and even then nothing is run: what they ask for is replaced by a class that only holds what it is given.
"""

import io
import os
import pickle
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import download_url

from infoflow.datasets.images import Images
from infoflow.errors import InfoflowError
from infoflow.files.originals import download, read_original
from infoflow.files.results import replaced


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """The published split: grey levels [M, 32, 32], or with `colour` [M, 32, 32, 3].

    The files are downloaded to `data_root` if they are not there; otherwise it may be read-only.

    Raises:
        InfoflowError: a file is damaged, or is missing and cannot be downloaded to `data_root`.
    """
    data_root = Path(data_root)
    folder = data_root / CIFAR10.base_folder
    checksums = dict(CIFAR10.train_list + CIFAR10.test_list)
    if missing := [name for name in checksums if not os.path.exists(folder / name)]:
        for name, md5 in checksums.items():
            if name not in missing:
                read_original(folder / name, md5)  # what is damaged is refused, not overwritten
        download("CIFAR10", missing, data_root, folder, lambda: _fetch(missing, data_root))
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


def _fetch(missing: Sequence[str], data_root: Path) -> None:
    """Download the archive if it is not there, and take the missing files out of it, nothing else.

    Without torchvision's data set, which unpickles what it has downloaded, and takes out whatever an archive holds.
    """
    download_url(CIFAR10.url, data_root, CIFAR10.filename, CIFAR10.tgz_md5)
    path = data_root / CIFAR10.filename
    try:
        with tarfile.open(path, "r:gz") as archive:
            for name in missing:
                member = archive.getmember(f"{CIFAR10.base_folder}/{name}")
                if not member.isreg():
                    raise tarfile.TarError(f"{member.name} in it is not a file")
                with replaced(data_root / member.name) as temporary, temporary.open("wb") as file:
                    shutil.copyfileobj(archive.extractfile(member), file)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise OSError(f"{path} is damaged ({error})") from error


def _read_batch(path: Path, md5: str, colour: bool) -> tuple[np.ndarray, np.ndarray]:
    contents = read_original(path, md5)
    try:
        batch = _Inert(io.BytesIO(contents), encoding="latin1").load()
        images = batch["data"].bytes().reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        labels = np.array(batch["labels"], np.int64)
        if labels.shape != images.shape[:1]:
            raise ValueError(f"{len(images)} images have labels of shape {labels.shape}")
    except Exception as error:  # what is no batch fails in many ways
        raise InfoflowError(f"{path}: not a batch of CIFAR-10 ({error}); put the original file there") from error
    return np.ascontiguousarray(images) if colour else to_grey(images), labels


class _Held:
    """What stands for NumPy's classes: it keeps the arguments and the state of a pickled object, and does nothing."""

    def __init__(self, *arguments: Any):
        self.arguments, self.state = arguments, None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def bytes(self) -> np.ndarray:
        """Contents of a pickled array of bytes, uint8 [size]."""
        _, _, dtype, _, contents = self.state
        if dtype.arguments[0] != "u1":
            raise ValueError(f"it is an array of {dtype.arguments[0]}")
        return np.frombuffer(contents.encode("latin1"), np.uint8)  # Python 2 pickled bytes as text


class _Inert(pickle.Unpickler):
    """Reads numbers, text, lists, dictionaries, and arrays as `_Held`; all other names are refused, not looked up.

    Raises:
        UnpicklingError: there is something else.
    """

    _HELD = (("numpy", "dtype"), ("numpy", "ndarray"), ("numpy.core.multiarray", "_reconstruct"))

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._HELD:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _Held
