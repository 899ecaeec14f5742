"""Result files: NetCDF, whole or not there at all.

A file ends with a seal: a line of text with a digest of all that stands before it, the mark of the parameters that it
was made with (`record.mark`), and the name that it was written to. What is damaged, or a copy of another point's
result, is found before the NetCDF library sees it: the checksums of that library (Fletcher-32, for other readers) are
of the values only, and noise elsewhere can change values unseen or end the process. Behind the end of the NetCDF data,
the seal is invisible to NetCDF readers.

Job results are written with netCDF4 itself, which a job imports in a third of xarray's time; the cubes are made with
xarray (`cubes`).
"""

import hashlib
import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import netCDF4
import numpy as np

from infoflow.errors import InfoflowError
from infoflow.files import locks
from infoflow.jobs.record import check_parameters, mark, spent

logger = logging.getLogger(__name__)

Variable = tuple[tuple[str, ...], np.ndarray, Mapping[str, Any]]
"""Dimension names, values, attributes."""

_SEAL = re.compile(rb"\ninfoflow ([0-9a-f]{32}) (?P<mark>made-by-[0-9a-f]{32}) (?P<name>[^\n]+)\n\Z")
_LONGEST_SEAL = 512


class UnreadableError(InfoflowError):
    """A file cannot be read now, though nothing says that it is damaged: it is not to be deleted."""


@dataclass(frozen=True)
class Result:
    """Contents of a result file."""

    variables: Mapping[str, np.ndarray]
    attributes: Mapping[str, Any]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.variables[name]


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to `path` if the block succeeds, removed if it does not.

    Raises:
        InfoflowError: the file could not be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*{path.suffix}"):  # of a job that was killed while it wrote
        leftover.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # netCDF4 reports a full disk as a RuntimeError
        unlocked = f"; {locks.REMEDY}" if "HDF error" in str(error) else ""
        raise InfoflowError(f"{path}: cannot be written ({error}){unlocked}; is the disk full or read-only?") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def sealed(path: str | Path, parameters: str = "") -> Iterator[Path]:
    """Like `replaced`, with a seal at the end of the file: see `check_seal`.

    Args:
        parameters: that the file is made with, as JSON.
    """
    with replaced(path) as temporary:
        yield temporary
        made_by, name = mark(parameters).encode(), os.fsencode(Path(path).name)
        with temporary.open("rb+") as file:
            digest = _digest(file, file.seek(0, os.SEEK_END), made_by + name)
            file.write(b"\ninfoflow %b %b %b\n" % (digest, made_by, name))


def check_seal(path: str | Path) -> None:
    """Refuse a file that is not, byte for byte, what was written under its name.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not what was written; why.
    """
    with open(path, "rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - _LONGEST_SEAL)
        file.seek(start)
        seal = _SEAL.search(file.read())
        if not seal:
            raise ValueError("its end is missing")
        if _digest(file, start + seal.start(), seal["mark"] + seal["name"]) != seal[1]:
            raise ValueError("its contents are not those that were written")
        if seal["name"] != os.fsencode(Path(path).name):
            raise ValueError(f"it is a copy of {os.fsdecode(seal['name'])}")


def describe(
    found: Mapping[str, tuple[tuple[str, ...], Any]], about: Mapping[str, Mapping[str, Any]]
) -> dict[str, Variable]:
    """Variables from dimensions and values, and a table of what each of them is."""
    return {name: (dimensions, np.asarray(values), about[name]) for name, (dimensions, values) in found.items()}


def write_result(path: str | Path, variables: Mapping[str, Variable], attributes: Mapping[str, Any]) -> None:
    """Write variables and global attributes to a NetCDF-4 file, compressed (zlib 4).

    If an attribute names the rule (`record.describe_job`), what the job cost until now is added to attribute `cost`.
    """
    if "rule" in attributes:
        attributes = {**attributes, "cost": spent(attributes["rule"], attributes.get("cost", "{}"))}
    with sealed(path, attributes.get("parameters", "")) as temporary, netCDF4.Dataset(temporary, "w") as file:
        file.set_auto_maskandscale(False)  # a scale_factor describes the values that are given
        for name, (dimensions, values, about) in variables.items():
            values = np.asarray(values)
            for dimension, size in zip(dimensions, values.shape, strict=True):
                if dimension not in file.dimensions:
                    file.createDimension(dimension, size)
            options = {"zlib": True, "complevel": 4, "fletcher32": True} if dimensions else {}
            variable = file.createVariable(name, values.dtype, dimensions, fill_value=False, **options)
            variable.set_auto_maskandscale(False)
            variable.setncatts(about)
            variable[...] = values
        file.setncatts(attributes)


def read_result(path: str | Path, made_by: Mapping[str, Any] | None = None, skip: Collection[str] = ()) -> Result:
    """Read a result file, but for some variables.

    Args:
        made_by: the parameters that it has to be made with, see `record.check_parameters`; None: any.

    Raises:
        InfoflowError: the file is missing, damaged or out of date.
    """
    with opened(path) as file:
        variables = {name: variable[...] for name, variable in file.variables.items() if name not in skip}
        result = Result(variables, _attributes(file))
    if made_by is not None:
        check_parameters(path, result.attributes, made_by)
    return result


def read_attributes(path: str | Path) -> Mapping[str, Any]:
    """The global attributes of a result file.

    Raises:
        InfoflowError: the file is missing or damaged.
    """
    with opened(path) as file:
        return _attributes(file)


def read_results(made_by: Mapping[str | Path, Mapping[str, Any]], skip: Collection[str] = ()) -> dict[str, Result]:
    """Read many result files, by their path.

    Args:
        made_by: by path, the parameters that the result has to be made with, see `record.check_parameters`.
        skip: variables that are not read.

    Raises:
        InfoflowError: files are missing, damaged or out of date; the message names all of them.
    """
    results, refused = {}, []
    for path, parameters in made_by.items():
        try:
            results[str(path)] = read_result(path, parameters, skip)
        except InfoflowError as error:
            logger.error("%s", error)
            refused.append((path, error))
    if len(refused) == 1:
        raise refused[0][1]
    if kept := [error for _, error in refused if isinstance(error, UnreadableError)]:
        raise UnreadableError(f"{len(refused)} results cannot be used; first {kept[0]}")
    if refused:
        names = " ".join(str(path) for path, _ in refused)
        message = f"{len(refused)} results are damaged or out of date; delete them and run again: {names}"
        raise InfoflowError(message, longest=len(message))
    return results


def attributes_of(*results: Result | str | Path) -> list[Mapping[str, Any]]:
    """Global attributes of results, and of files of results.

    Raises:
        InfoflowError: a file is missing or damaged.
    """
    return [one.attributes if isinstance(one, Result) else read_attributes(one) for one in results]


@contextmanager
def opened(path: str | Path, what: str = "result file") -> Iterator[netCDF4.Dataset]:
    """A file with a seal, open to read, whether or not it can be locked.

    Raises:
        InfoflowError: it is missing or damaged.
        UnreadableError: it cannot be read now.
    """
    try:
        check_seal(path)
    except (FileNotFoundError, ValueError) as error:
        raise InfoflowError(f"{path}: not a whole {what} ({error}); delete it and run again") from error
    except OSError as error:
        raise UnreadableError(
            f"{path}: cannot be read ({error}), which says nothing about the {what}: keep it, and see to disk, folder "
            "and permissions"
        ) from error
    try:
        with locks.open_unlocked(path) as file:
            file.set_auto_maskandscale(False)
            yield file
    except InfoflowError:
        raise
    except Exception as error:  # netCDF4 raises almost anything
        raise UnreadableError(
            f"{path}: is whole, by its seal, but cannot be read ({error or type(error).__name__}): keep it; is the "
            f"memory enough? Is it open elsewhere? {locks.REMEDY}"
        ) from error


def _attributes(file: netCDF4.Dataset) -> dict[str, Any]:
    return {name: file.getncattr(name) for name in file.ncattrs()}


def _digest(file: BinaryIO, size: int, name: bytes) -> bytes:
    """Of the first `size` bytes of a file, and of its name; the file is left behind them."""
    digest = hashlib.blake2b(name, digest_size=16)
    file.seek(0)
    while size:
        block = file.read(min(size, 1 << 20))
        if not block:
            raise ValueError("it became shorter while it was read")
        digest.update(block)
        size -= len(block)
    return digest.hexdigest().encode()
