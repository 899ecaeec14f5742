"""What made a result: digests of the code, versions of the software.

Standard library only: every cluster job imports this when it parses the workflow.
"""

import ast
import hashlib
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SCRIPTS = PACKAGE.parents[1] / "scripts"

_RECORDED = ("torch", "numpy", "numba", "xarray", "netCDF4", "snakemake")


@cache
def code_digest(rule: str, *plugins: str) -> str:
    """SHA-256 over the script of a rule and all modules of the package that it imports, directly or not.

    Passed to the rule as a parameter, so that an edit reruns the rules that run the edited code, and no others: not
    the ones that do not import it, and not those of a checkout that only has new modification times.

    Args:
        rule: name of the script, without suffix.
        plugins: modules of the package that are imported by name at run time, like `architectures.mlp`.
    """
    digest = hashlib.sha256()
    for path in [SCRIPTS / f"{rule}.py", *sorted(imported_modules(rule, *plugins))]:
        digest.update(path.name.encode() + b"\0" + _source(path) + b"\0")
    return digest.hexdigest()[:16]


@cache
def imported_modules(rule: str, *plugins: str) -> frozenset[Path]:
    """Files of the package that the script of a rule imports, directly or not."""
    found: set[Path] = set()
    waiting = [SCRIPTS / f"{rule}.py", *(_file(f"infoflow.{p}") for p in plugins)]
    while waiting:
        path = waiting.pop()
        if path is None or path in found:
            continue
        if path.is_relative_to(PACKAGE):
            found.add(path)
        waiting += _imports(path)
    return frozenset(found)


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(_source(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from infoflow import x` may name a module
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    # importing a.b.c runs a and a.b as well
    names = {".".join(parts[: k + 1]) for n in names for parts in [n.split(".")] for k in range(len(parts))}
    return tuple(f for name in sorted(names) if name.split(".")[0] == "infoflow" and (f := _file(name)))


@cache
def _file(module: str) -> Path | None:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.exists()), None)


def _source(path: Path) -> bytes:
    return path.read_bytes().replace(b"\r\n", b"\n")


def software() -> dict[str, str]:
    """Versions of what computed a result, and the state of the repository it was run from."""
    versions = {"python": platform.python_version()}
    for name in _RECORDED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {f"{name.lower()}_version": version for name, version in versions.items()} | _repository()


def _repository() -> dict[str, str]:
    if (note := PACKAGE.parents[2] / ".commit").exists():  # laid out from a commit, see rules/source.smk
        return {"git_commit": note.read_text(), "git_dirty": "false"}

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=PACKAGE, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return {"git_commit": git("rev-parse", "HEAD"), "git_dirty": str(bool(git("status", "--porcelain"))).lower()}
    except (OSError, subprocess.CalledProcessError):  # no git, or not a checkout
        return {"git_commit": "unknown", "git_dirty": "unknown"}
