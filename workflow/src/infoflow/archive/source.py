"""The source of the workflow, as an archive holds it, and the name of the archive.

Standard library only: every parse of the workflow imports this.
"""

import hashlib
import re
import unicodedata
from pathlib import Path

_SOURCE_PARTS = (
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "Snakefile",
    "config",
    "docs",
    "envs",
    "profiles",
    "pyproject.toml",
    "workflow",
)
_LONGEST_NAME = 80


def archive_name(run_name: str) -> str:
    """The name of a run as a file name: ASCII letters, digits and single hyphens, 80 characters at most."""
    letters = unicodedata.normalize("NFKD", run_name).encode("ascii", "ignore").decode()
    return re.sub("[^A-Za-z0-9]+", "-", letters).strip("-")[:_LONGEST_NAME].rstrip("-") or "run"


def source_files(root: str | Path) -> dict[str, Path]:
    """The source of the workflow below its root directory: files by their path there, without caches."""
    root = Path(root)
    found = {}
    for part in _SOURCE_PARTS:
        inside = [root / part] if (root / part).is_file() else sorted((root / part).rglob("*"))
        for path in inside:
            name = path.relative_to(root)
            hidden = any(p.startswith(".") or p == "__pycache__" or p.endswith(".egg-info") for p in name.parts)
            if path.is_file() and not hidden:
                found[name.as_posix()] = path
    return dict(sorted(found.items()))


def source_digest(root: str | Path) -> str:
    """SHA-256 over names and contents of the source, line endings normalised."""
    digest = hashlib.sha256()
    for name, path in source_files(root).items():
        digest.update(name.encode() + b"\0" + normalised(path.read_bytes()) + b"\0")
    return digest.hexdigest()


def normalised(text: bytes) -> bytes:
    """Text with the line endings of Unix."""
    return text.replace(b"\r\n", b"\n")
