"""What git LFS leaves in place of a large file that it did not fetch."""

from pathlib import Path

from infoflow.errors import InfoflowError

_POINTER = b"version https://git-lfs.github.com/spec/"


def refuse_pointer(path: Path) -> None:
    """Refuse it.

    Raises:
        OSError: the file cannot be read.
        InfoflowError: it is such a pointer.
    """
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise InfoflowError(f"{path}: a pointer of git LFS and not the file itself; fetch that, git lfs pull")
