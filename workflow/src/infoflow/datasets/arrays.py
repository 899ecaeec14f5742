"""Arrays of the user's own: .npz, .npy, and HDF5, which NetCDF-4 is, too. Nothing in them is unpickled."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from infoflow.datasets._own import Part, find_file, listed, make_images
from infoflow.datasets.images import Images
from infoflow.errors import InfoflowError
from infoflow.files.originals import user_path

HDF5 = (".h5", ".hdf5", ".hdf", ".he5", ".nc", ".nc4")
SUFFIXES = (".npz", ".npy", *HDF5)
SPLIT = (
    ("x_train", "x_test", "y_train", "y_test"),
    ("X_train", "X_test", "y_train", "y_test"),
    ("train_images", "test_images", "train_labels", "test_labels"),
    ("train_x", "test_x", "train_y", "test_y"),
)
"""Names of arrays of which those to test on are apart: images to train and to test on, labels likewise."""
IMAGES, LABELS = ("images", "x", "X", "data", "features"), ("labels", "label", "y", "Y", "targets", "target", "classes")
"""Usual names of arrays."""
_NO_ARRAY = b"This is a netCDF dimension but not a netCDF variable"
"""What NetCDF calls the lengths of axes, which it keeps as arrays."""
_REMEDY = "numpy.savez(path, images=..., labels=...) makes one; of a table, choose kind table"


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """`train_samples` and `test_samples` of the arrays in `path`.

    N x features, N x rows x columns, or by `layout` N x rows x columns x channels (NHWC) or N x channels x rows x
    columns (NCHW). If the file has arrays like `x_train` and `x_test`, they are the training and the test set;
    otherwise one array is split at random, each class in proportion.

    Args:
        options: `images` and `labels` are names of arrays in the file; `labels: null`, none; of .npy `labels` is
            another file. `layout`, and `range` or `standardise`, see `_own.scale`.
        data_root: what relative paths start from.

    Raises:
        InfoflowError: the file cannot be read, or its arrays are not such; the message names the array and its shape.
    """
    path = find_file(options, data_root, SUFFIXES, _REMEDY)
    if path.suffix.lower() == ".npy":
        parts = (_of_npy(path, options, data_root),)
    else:
        names = _npz_names(path) if path.suffix.lower() == ".npz" else _hdf5_names(path)
        wanted = _choose(path, names, options)
        flat = [name for part in wanted for name in part if name is not None]
        read = (_read_npz if path.suffix.lower() == ".npz" else _read_hdf5)(path, flat)
        parts = tuple(Part(read[x], None if y is None else read[y], f"array {x}", f"array {y}") for x, y in wanted)
    return make_images(path, options, tuple(_channels_last(path, part, options) for part in parts), seed)


def _choose(path: Path, names: Sequence[str], options: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Names of images and labels: of the one part of a file, or of its training and its test set."""
    labelled = options.get("labels", "") is not None
    if "images" not in options:
        for train, test, of_train, of_test in SPLIT:
            if train in names and test in names and (not labelled or (of_train in names and of_test in names)):
                return [(train, of_train if labelled else None), (test, of_test if labelled else None)]
    labels = _one(path, names, options.get("labels"), LABELS, "labels") if labelled else None
    others = [name for name in names if name != labels]
    return [(_one(path, others, options.get("images"), IMAGES, "images"), labels)]


def _one(path: Path, names: Sequence[str], wanted: str | None, usual: Sequence[str], key: str) -> str:
    if wanted is not None:
        wanted = wanted if wanted in names else wanted.strip("/")  # as HDF5 writes paths
        if wanted not in names:
            raise InfoflowError(f"{path}: it has no array {wanted}, but {listed(list(names))}; correct {key}")
        return wanted
    found = [name for name in usual if name in names]
    if len(found) != 1 and not (key == "images" and len(names) == 1):
        none = ", or labels: null to probe only" if key == "labels" else ""
        raise InfoflowError(
            f"{path}: which array are the {key}? It has {listed(list(names))}; set {key} to the name of one{none}"
        )
    return found[0] if found else names[0]


def _of_npy(path: Path, options: Mapping[str, Any], data_root: Path) -> Part:
    if "images" in options:
        raise InfoflowError(f"{path}: a file .npy holds one array without a name; leave out key images")
    if "labels" not in options:
        raise InfoflowError(
            f"{path}: a file .npy holds one array; set labels to the file .npy of the labels, or to null to probe only"
        )
    labels, where = None, ""
    if options["labels"] is not None:
        of_labels = find_file(options | {"path": options["labels"]}, data_root, (".npy",), "set labels to such a file")
        labels, where = _read_npy(of_labels), str(Path(data_root) / user_path(options["labels"]))
    return Part(_read_npy(path), labels, "its array", where)


def _read_npy(path: Path) -> np.ndarray:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(found, np.ndarray):
            raise ValueError("it holds several arrays; call it .npz")
        return found
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, "", error) from error


def _npz_names(path: Path) -> list[str]:
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("not a file .npz, which is a ZIP archive of arrays")
        with np.load(path, allow_pickle=False) as file:
            return list(file.files)
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise _unreadable(path, "", error) from error


def _read_npz(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    found = {}
    with np.load(path, allow_pickle=False) as file:
        for name in names:
            try:
                found[name] = file[name]
                if not isinstance(found[name], np.ndarray):
                    raise ValueError("it is not an array")
            except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
                raise _unreadable(path, f" {name}", error) from error
    return found


def _hdf5_names(path: Path) -> list[str]:
    """Names of all arrays, each once: links to what has a name already are not followed, nor those to other files."""
    names: list[str] = []

    def note(name: str, what: h5py.Dataset | h5py.Group) -> None:
        if isinstance(what, h5py.Dataset) and not bytes(what.attrs.get("NAME", b"")).startswith(_NO_ARRAY):
            names.append(name)

    try:
        with _open_hdf5(path) as file:
            file.visititems(note)
    except Exception as error:  # h5py raises almost anything
        raise _unreadable(path, "", error) from error
    return sorted(names)


def _open_hdf5(path: Path) -> h5py.File:
    if not h5py.is_hdf5(path):
        raise ValueError("not a file of HDF5")
    return h5py.File(path, "r", locking=False)  # of file systems some have no locks


def _read_hdf5(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    found, name = {}, ""
    try:
        with _open_hdf5(path) as file:
            for name in names:
                array = file[name]
                if h5py.check_string_dtype(array.dtype):
                    found[name] = np.asarray(array.asstr(errors="replace")[()], str)
                else:
                    found[name] = np.asarray(array[()])
    except Exception as error:
        raise _unreadable(path, f" {name}", error) from error
    return found


def _unreadable(path: Path, name: str, error: Exception) -> InfoflowError:
    what = f"array{name}" if name else "it"
    if "pickle" in str(error) or "Python objects" in str(error):
        return InfoflowError(
            f"{path}: {what} holds Python objects, which are read by running what a file says, so it is not read; "
            "save it as an array of numbers, numpy.asarray(values, dtype=numpy.float32)"
        )
    told = " ".join(str(error).split()) or type(error).__name__
    return InfoflowError(f"{path}: {what} cannot be read ({told}); save it again")


def _channels_last(path: Path, part: Part, options: Mapping[str, Any]) -> Part:
    images, layout = part.images, options.get("layout")
    if images.ndim != 4:
        return part
    shape = images.shape
    if layout is None and min(shape[1:3]) <= 4 < shape[3]:
        raise InfoflowError(
            f"{path}: {part.name} is of shape {' x '.join(map(str, shape))}: are the channels the second axis or the "
            "last? Set layout: NCHW or layout: NHWC"
        )
    images = np.moveaxis(images, 1, -1) if layout == "NCHW" else images
    images = images[..., 0] if images.shape[-1] == 1 else images
    return Part(images, part.labels, part.name, part.labels_name)
