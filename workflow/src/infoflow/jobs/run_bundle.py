"""A bundle of jobs where it is computed: one Snakemake for all those of them that are not finished.

    python run_bundle.py <bundle>

SLURM starts a job anew whose node was lost. What was finished by then may have been read already, and is not touched.

Standard library only, and nothing of this package: it is run as a file.
"""

import base64
import json
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

PATIENCE = 60
"""Seconds to wait for a file that was written before the bundle was submitted."""


@dataclass(frozen=True)
class Member:
    """A job of a bundle, by its files; paths are relative to the working directory.

    Attributes:
        target: as Snakemake's option `--target-jobs` has it.
        inputs: files that it reads.
        results: files that are all there when it is finished, as they are renamed into place when they are whole.
        before: stamps of those results that were there when the bundle was submitted.
    """

    target: str
    inputs: Sequence[str] = ()
    results: Sequence[str] = ()
    before: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @classmethod
    def now(cls, target: str, inputs: Sequence[str], results: Sequence[str]) -> "Member":
        """With what is there at this moment."""
        before = {path: list(found) for path in results if (found := stamp(path))}
        return cls(target, list(inputs), list(results), before)

    def is_finished(self) -> bool:
        """Whether all its results are there, none of them from before."""
        return bool(self.results) and all(map(self._is_new, self.results))

    def _is_new(self, path: str) -> bool:
        found = stamp(path)
        return found is not None and list(found) != list(self.before.get(path, ()))


def stamp(path: str) -> tuple[int, int] | None:
    """Inode and time in ns of a file, None if it is not there."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


def encode(command: Sequence[str], members: Sequence[Member]) -> str:
    """A bundle as a word of letters, digits, `-` and `_`: a few dozen of them per job.

    Args:
        command: Snakemake with its options, but for those that name the jobs and their inputs.
        members: the jobs.
    """
    text = json.dumps({"command": list(command), "members": [asdict(member) for member in members]})
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def decode(word: str) -> tuple[list[str], list[Member]]:
    """The command and the members of a bundle."""
    bundle = json.loads(zlib.decompress(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))))
    return bundle["command"], [Member(**member) for member in bundle["members"]]


def what_is_left(command: Sequence[str], members: Sequence[Member]) -> tuple[list[str], list[str]]:
    """What computes the members that are not finished.

    Returns:
        The command, empty if all are finished, and the files that they read.
    """
    left = [member for member in members if not member.is_finished()]
    inputs = sorted({path for member in left for path in member.inputs})
    return [*command, "--target-jobs", *(member.target for member in left)] if left else [], inputs


def read(argument: str) -> str:
    """A bundle that is given as a word, or as `@` and a file of it, which may show up late on a network file system."""
    if not argument.startswith("@"):
        return argument
    path, end = Path(argument[1:]), time.monotonic() + PATIENCE
    while not path.exists() and time.monotonic() < end:
        time.sleep(1)
    return path.read_text(encoding="ascii")


def main(arguments: Sequence[str]) -> None:
    """Become Snakemake, if something is left."""
    command, inputs = what_is_left(*decode(read(arguments[0])))
    if not command:
        print("all jobs of this bundle are finished")
        return
    if inputs:  # in a file without a name, for commands are limited
        with tempfile.TemporaryFile("w") as file:
            file.write("\n".join(inputs))
            file.flush()
            os.set_inheritable(file.fileno(), True)
            _become([*command, "--wait-for-files-file", f"/proc/self/fd/{file.fileno()}"])
    _become(command)


def _become(command: Sequence[str]) -> None:
    sys.stdout.flush()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
