"""Architectures that installed packages publish, kind `module`.

A package publishes a factory through the entry-point group GROUP. A config names a factory, never a module: nothing
else is imported, and nothing at all where no job needs it. Standard library only: every parse of the workflow looks
names up with this, and jobs load what they stand for.
"""

import difflib
from importlib import metadata

from infoflow.errors import InfoflowError

GROUP = "infoflow.architectures"


def find_factory(name: str) -> metadata.EntryPoint:
    """What is published under a name, not loaded.

    Raises:
        InfoflowError: nothing is, or several packages publish it; the message has the names that there are.
    """
    there = metadata.entry_points(group=GROUP)
    # an installation and the sources that it was made of may tell the same twice
    found = {(point.value, package_of(point)): point for point in there if point.name == name}
    if len(found) > 1:
        packages = ", ".join(sorted(package for _, package in found))
        raise InfoflowError(f"several packages publish {name!r}: {packages}; uninstall all but one")
    if not found:
        names = sorted({point.name for point in there})
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        known = f"there are {', '.join(names)}" if names else f"no installed package publishes any through {GROUP}"
        raise InfoflowError(f"unknown factory {name!r}; {hint}{known}")
    return next(iter(found.values()))


def package_of(point: metadata.EntryPoint) -> str:
    """Name and version of the package that publishes something."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
