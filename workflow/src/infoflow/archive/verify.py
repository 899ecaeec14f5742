"""Check the archive of a run, and list what differs from the present code, config and software.

    python -m infoflow.archive.verify results/archive/<name>.zip [--config config/x.yaml]

Nothing is unpacked, and no more of a member is read than the archive's own metadata declare.
"""

import argparse
import hashlib
import json
import re
import stat
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from infoflow.archive.crate import CONFIG, MANIFEST, METADATA, SOFTWARE, SOURCE
from infoflow.archive.source import normalised, source_files
from infoflow.config.check import DEMONSTRATION, SCHEMA, check_config, merge_config, read_config
from infoflow.errors import InfoflowError
from infoflow.jobs.provenance import PACKAGE, software

_LARGEST_TABLE = 64 << 20
"""Bytes of the manifest, the metadata, or another member that is read as a whole."""
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status is 1 if the archive is not whole."""
    parser = argparse.ArgumentParser(prog="infoflow.archive.verify", description=__doc__.split("\n")[0])
    parser.add_argument("archive", help="zip file that `snakemake archive` wrote")
    parser.add_argument(
        "--config", nargs="+", default=[], help="config files, as with --configfile; by default the demonstration"
    )
    parser.add_argument("--root", default=PACKAGE.parents[2], type=Path, help="the workflow to compare with")
    given = parser.parse_args(arguments)
    try:
        problems = check_archive(given.archive)
        for problem in problems:
            print(f"error: {given.archive}: {problem}")
        if problems:
            return 1
        print(f"{given.archive}: whole; SHA-256 {_digest_of_file(given.archive)}")
        listed = list(compare(given.archive, given.root, present_config(given.root, given.config)))
    except InfoflowError as error:
        print(f"error: {error}")
        return 1
    print("\n".join(listed) or "nothing differs from the present code, config and software")
    return 0


def check_archive(path: str | Path) -> list[str]:
    """What is wrong with an archive, a line each; an empty list if it is whole.

    Raises:
        InfoflowError: it is not a zip file.
    """
    with _opened(path) as archive:
        problems = list(_unsafe(archive, Path(path).stat().st_size))
        if problems:
            return problems
        try:
            sums = _manifest(archive)
            sizes = _sizes(archive, sums)
        except InfoflowError as error:
            return [str(error)]
        names = {info.filename for info in archive.infolist()} - {MANIFEST}
        problems += [f"{name}: is in {MANIFEST}, but not in the archive" for name in sorted(sums.keys() - names)]
        problems += [f"{name}: is in the archive, but not in {MANIFEST}" for name in sorted(names - sums.keys())]
        for name in sorted(names & sums.keys()):
            problems += _check_member(archive, name, sums[name], sizes)
        return problems


def compare(path: str | Path, root: str | Path, config: Mapping[str, Any]) -> Iterator[str]:
    """Lines that say what differs between a whole archive and the present code, config and software.

    Args:
        path: an archive that `check_archive` found nothing wrong with.
        root: directory of the present workflow.
        config: the present config, with defaults.
    """
    with _opened(path) as archive:
        prefix = f"{SOURCE}/"
        archived = {name.removeprefix(prefix) for name in archive.namelist() if name.startswith(prefix)}
        present = source_files(root)
        for name in sorted(archived | present.keys()):
            if name not in present:
                yield f"source: {name}: only in the archive"
            elif name not in archived:
                yield f"source: {name}: not in the archive"
            elif normalised(_read(archive, prefix + name)) != normalised(present[name].read_bytes()):
                yield f"source: {name}: changed"
        for section, old, new in (
            ("config", _parsed(archive, CONFIG), config),
            ("software", _parsed(archive, SOFTWARE).get("archive", {}), software()),
        ):
            for key, was, now in differences(old, new):
                yield f"{section}: {key}: {was} → {now}"


def present_config(root: str | Path, files: Sequence[str | Path] = ()) -> dict[str, Any]:
    """Config files laid over each other, or the demonstration, with all defaults.

    Raises:
        InfoflowError: a file cannot be read, or the config is refused.
    """
    layers = [read_config(path) for path in files or [Path(root) / DEMONSTRATION]]
    return check_config(merge_config(layers), Path(root) / SCHEMA)


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Leaves of nested mappings that differ: dotted key, old value, new value; `absent` where there is none."""
    for key in sorted({*old, *new}):
        pair = [side.get(key, _ABSENT) for side in (old, new)]
        if all(isinstance(value, Mapping) for value in pair):
            yield from differences(*pair, f"{prefix}{key}.")
        elif pair[0] != pair[1]:
            yield (f"{prefix}{key}", *("absent" if v is _ABSENT else json.dumps(v, ensure_ascii=False) for v in pair))


_ABSENT = object()


def _opened(path: str | Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # noise in a file makes zipfile raise almost anything
        raise InfoflowError(f"{path}: not a zip file that can be read ({error})") from error


def _unsafe(archive: zipfile.ZipFile, archive_size: int) -> Iterator[str]:
    """Members that no tool should be asked to unpack."""
    members = archive.infolist()
    for name, count in Counter(info.filename for info in members).items():
        if count > 1:
            yield f"{name!r}: {count} members of this name"
    for info in members:
        # zipfile cuts a name at a null byte, and makes slashes of the backslashes of Windows
        name, kind = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
        if not name or "\0" in name or not name.isprintable():
            yield f"{name!r}: a name that is empty or cannot be printed"
        elif "\\" in name:
            yield f"{name!r}: a backslash in its name"
        elif name.startswith("/"):
            yield f"{name!r}: an absolute name"
        elif re.match("[A-Za-z]:", name):
            yield f"{name!r}: a drive letter in its name"
        elif ".." in PurePosixPath(name).parts:
            yield f"{name!r}: a name that leads out of the archive"
        elif kind == stat.S_IFLNK:
            yield f"{name!r}: a symbolic link"
        elif kind not in (0, stat.S_IFREG) or str(PurePosixPath(name)) != name:
            yield f"{name!r}: not the plain name of a plain file"
    if sum(info.compress_size for info in members) > archive_size:
        yield "its members overlap"


def _manifest(archive: zipfile.ZipFile) -> dict[str, str]:
    """SHA-256 by name."""
    sums: dict[str, str] = {}
    try:
        lines = _read(archive, MANIFEST).decode().split("\n")
    except UnicodeDecodeError as error:
        raise InfoflowError(f"{MANIFEST}: not text ({error})") from error
    if lines.pop():
        raise InfoflowError(f"{MANIFEST}: its last line is cut off")
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if not match or match[2] in sums:
            raise InfoflowError(f"{MANIFEST}: line {number} is not a new file's SHA-256, two spaces and its name")
        sums[match[2]] = match[1]
    return sums


def _sizes(archive: zipfile.ZipFile, sums: Mapping[str, str]) -> dict[str, int]:
    """Bytes by name, as the metadata declare them; the metadata are those of the manifest."""
    text = _read(archive, METADATA)
    if hashlib.sha256(text).hexdigest() != sums.get(METADATA):
        raise InfoflowError(f"{METADATA}: its SHA-256 is not that of {MANIFEST}")
    try:
        entities = json.loads(text)["@graph"]
        return {METADATA: len(text)} | {
            unquote(e["@id"]): int(e["contentSize"]) for e in entities if "contentSize" in e
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InfoflowError(f"{METADATA}: not the metadata of an RO-Crate ({error!r})") from error


def _check_member(archive: zipfile.ZipFile, name: str, expected: str, sizes: Mapping[str, int]) -> Iterator[str]:
    if name not in sizes:
        yield f"{name}: {METADATA} has no size of it"
        return
    declared = archive.getinfo(name).file_size
    if declared != sizes[name]:
        yield f"{name}: has {declared} bytes, but {sizes[name]} by {METADATA}; not read"
        return
    try:
        with archive.open(name) as member:  # reads no more than the declared size
            digest = hashlib.file_digest(member, "sha256").hexdigest()
    except Exception as error:  # as in _opened
        yield f"{name}: cannot be read ({error})"
        return
    if digest != expected:
        yield f"{name}: its SHA-256 is not that of {MANIFEST}"


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member as a whole.

    Raises:
        InfoflowError: it is missing, damaged, or too large for that.
    """
    if name not in archive.namelist():
        raise InfoflowError(f"{name}: is missing; not an archive of infoflow")
    if (size := archive.getinfo(name).file_size) > _LARGEST_TABLE:
        raise InfoflowError(f"{name}: has {size} bytes, more than {_LARGEST_TABLE}; not read")
    try:
        with archive.open(name) as member:
            return member.read(size)  # with a limit, or a member could grow beyond its size before that is noticed
    except Exception as error:  # as in _opened
        raise InfoflowError(f"{name}: cannot be read ({error})") from error


def _parsed(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        return json.loads(_read(archive, name))
    except ValueError as error:
        raise InfoflowError(f"{name}: not JSON ({error})") from error


def _digest_of_file(path: str | Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
