"""Paths with spaces, quotes and the like, of a checkout and of the Python in it.

Standard library only: the workflow imports this when it is parsed.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from infoflow.errors import InfoflowError

_PLAIN = re.compile(r"[\w./+@:,=-]*")
"""Paths that shells and SLURM take as they are: letters of any language, digits, and what means nothing to them."""
_UNQUOTED, _QUOTED = "{py_exec} ", "{py_exec:q} "


def repair_scripts(module: ModuleType | None = None) -> None:
    """Let Snakemake start scripts with a Python in whose path there are spaces.

    Version 9.27 puts the path of the script into quotation marks, but not that of Python, which `make setup` puts into
    the checkout.

    Args:
        module: Snakemake's of scripts; by default the one that it has imported.
    """
    module = module or sys.modules.get("snakemake.script")
    script = getattr(module, "PythonScript", None)
    execute = getattr(script, "_execute_cmd", None)
    if execute is None or hasattr(execute, "repaired"):
        return

    def execute_cmd(self: Any, cmd: str, **options: Any) -> Any:
        return execute(self, cmd.replace(_UNQUOTED, _QUOTED), **options)

    execute_cmd.repaired = True
    script._execute_cmd = execute_cmd


def refuse_odd_paths(paths: Iterable[str | Path]) -> None:
    """Refuse paths that would be taken for something else on their way to a cluster.

    Raises:
        InfoflowError: the message names the path and the characters.
    """
    for path in map(str, paths):
        if odd := sorted(set(_PLAIN.sub("", path))):
            raise InfoflowError(
                f"{path}: on a cluster paths pass through several shells, and this one has {' '.join(map(repr, odd))}; "
                "move the checkout, with its .venv made anew by make setup, to a path of letters, digits, . _ - alone"
            )


def refuse_braces(root: str | Path) -> None:
    """Refuse a checkout below a folder with braces, which Snakemake takes for a wildcard in the path of a script.

    Raises:
        InfoflowError: there are braces.
    """
    if {"{", "}"} & set(str(root)):
        raise InfoflowError(
            f"{root}: Snakemake takes what is in braces for a variable; move the workflow to another path"
        )
