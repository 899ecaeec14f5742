"""Original files of data sets: verified whenever they are read, downloaded if they are missing."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from platformdirs import user_cache_path

from infoflow.errors import InfoflowError

_LARGEST = 2**28
"""Bytes of an original file, at most."""


def read_original(path: Path, md5: str) -> bytes:
    """Contents of a file whose checksum is known.

    Raises:
        InfoflowError: the file cannot be read, or has another checksum.
    """
    try:
        if not path.is_file():  # to read a pipe would be to wait
            raise FileNotFoundError("there is no such file")
        with path.open("rb") as file:
            contents = file.read(_LARGEST)  # of more the checksum is wrong anyway
    except OSError as error:
        raise InfoflowError(f"{path}: cannot be read ({error}); put the original file there") from error
    if hashlib.md5(contents, usedforsecurity=False).hexdigest() != md5:
        raise InfoflowError(
            f"{path}: wrong checksum (its md5 should be {md5}), so the file is truncated or not the original; "
            "delete it to have it downloaded again"
        )
    return contents


def download(name: str, missing: Sequence[str], data_root: Path, folder: Path, fetch: Callable[[], object]) -> None:
    """Have the missing files of a data set fetched to their folder in `data_root`.

    Raises:
        InfoflowError: `data_root` is not writable, or the download failed.
    """
    what = f"{name} ({', '.join(missing)})"
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
        fetch()
    except (OSError, RuntimeError) as error:
        raise InfoflowError(
            f"cannot download {what} to {folder}: {error}; download the files elsewhere and put them there"
        ) from error


def user_path(path: str) -> Path:
    """A path of the config, with `~` and `~user` as in a shell.

    Raises:
        InfoflowError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InfoflowError(f"{path}: {str(error).rstrip('.')}; write the path without ~") from error


def find_data_root(configured: str | None) -> Path:
    """Where data sets are kept: the configured directory, else $INFOFLOW_DATA, else the user's cache directory."""
    return user_path(str(configured or os.environ.get("INFOFLOW_DATA") or user_cache_path("infoflow")))
