"""What made a result: digests of the code, versions of the software.

Standard library only: every parse of the workflow imports this.

A digest is of what the interpreter runs, the syntax tree: comments, blank lines, docstrings, line endings and what only
a type checker sees are no part of it. Modules named `about` say what variables are (titles, units, comments) and
nothing else; they are part of the digests of the rules that write cubes or draw, and of no rule that computes.
"""

import ast
import hashlib
import importlib.util
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).resolve().parents[1]
SCRIPTS = PACKAGE.parents[1] / "scripts"
UNCHANGED = PACKAGE.parents[1] / "unchanged.json"
"""Edits that change no number: see `equal_digest`."""
DESCRIPTIONS = "about.py"

_MEMORY = "digests.json"
"""What is known of sources, beside the bytecode of this module, which is as trusted."""
_LARGEST_MEMORY = 2000
_DESCRIBED = ("merge_", "build_", "check_", "recommend", "draw_", "archive")
"""How rules begin whose results show descriptions."""
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
    covered = imported_modules(rule, *plugins, described=rule.startswith(_DESCRIBED))
    for path in [SCRIPTS / f"{rule}.py", *sorted(covered)]:
        digest.update(f"{module_name(path)} {equal_digest(path)}\n".encode())
    _remember()
    return digest.hexdigest()[:16]


@cache
def imported_modules(rule: str, *plugins: str, described: bool = True) -> frozenset[Path]:
    """Files of the package that the script of a rule imports, directly or not; with or without descriptions."""
    found: set[Path] = set()
    waiting = [SCRIPTS / f"{rule}.py", *_files(f"infoflow.{p}" for p in plugins)]
    while waiting:
        path = waiting.pop()
        if path in found or (path.name == DESCRIPTIONS and not described):
            continue
        if path.is_relative_to(PACKAGE):
            found.add(path)
        waiting += _imports(path)
    return frozenset(found)


def module_name(path: Path) -> str:
    """A module by its path within the package, as many have the same name; a script by its name."""
    return path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else path.name


@cache
def equal_digest(path: Path) -> str:
    """The digest of a module, or of what it was before the edits that `unchanged` records: they change no number."""
    return _history(_facts(path).digest, _unchanged().get(module_name(path), {}))[-1]


def _history(digest: str, before: Mapping[str, str]) -> list[str]:
    """A digest, and those before the edits that led to it, back to the first."""
    found = [digest]
    while found[-1] in before:
        found.append(before[found[-1]])
    return found


def digest_source(source: bytes) -> str:
    """SHA-256 of what a module does."""
    return _digest_tree(ast.parse(source))


def _digest_tree(tree: ast.AST) -> str:
    canonical = json.dumps(_canonical(tree), separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Facts(NamedTuple):
    """What planning has to know of a source.

    Attributes:
        digest: of what it does.
        imports: names that it imports when it runs, which may be those of modules.
    """

    digest: str
    imports: Sequence[str]


_known: dict[str, Facts] = {}
"""By the SHA-256 of a source."""
_remembered: set[str] = set()
"""Those that the file has."""
_memory: list[Path] = []
"""The file, once there is one."""


def recall(file: Path | None = None) -> None:
    """Read from a file what is known of sources, and write there what is found out from now on.

    To parse all modules of the package takes as long as all else that the workflow plans for a small run, and every job
    on a cluster plans. The file is by content: no edit can make it wrong. One that cannot be read or written is none.

    Args:
        file: by default one beside the bytecode of this module.
    """
    here = Path(__file__)
    file = file or Path(importlib.util.cache_from_source(here)).with_name(_MEMORY)
    _memory[:] = [file]
    _remembered.clear()
    try:
        noted = json.loads(file.read_text(encoding="utf-8"))
        if noted["by"] == _content(here.read_bytes()):
            known = {key: Facts(str(digest), tuple(map(str, names))) for key, (digest, names) in noted["known"].items()}
            _remembered.update(known)
            _known.update(known)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return


def _remember() -> None:
    """Write what is known, if it is more than the file has."""
    if not _memory or _known.keys() <= _remembered:
        return
    (file,) = _memory
    if len(_known) > _LARGEST_MEMORY:  # sources of long ago
        for key in _remembered:
            _known.pop(key, None)
    _remembered.update(_known)
    noted = {"by": _content(Path(__file__).read_bytes()), "known": _known}
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(exist_ok=True)
        partial.write_text(json.dumps(noted), encoding="utf-8")
        partial.replace(file)
    except OSError:
        _memory.clear()


def _content(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()


def _facts(path: Path) -> Facts:
    source = _source(path)
    key = _content(source)
    if key not in _known:
        tree = ast.parse(source)
        _known[key] = Facts(_digest_tree(tree), sorted(_imported_names(tree)))
    return _known[key]


def _canonical(node: Any) -> Any:
    """A syntax tree as lists, the same for all versions of Python."""
    if isinstance(node, ast.AST):
        parts = {
            name: value
            for name, value in ast.iter_fields(node)
            if value is not None and value != [] and name not in ("ctx", "kind", "type_comment")
        }
        return [type(node).__name__, *([name, _canonical(value)] for name, value in parts.items())]
    if isinstance(node, list):
        return [_canonical(one) for one in node if not _means_nothing(one)]
    return repr(node)


def _means_nothing(node: Any) -> bool:
    """Whether a statement is a docstring, of a variable too, or seen by type checkers only."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    return _files(_facts(path).imports)


def _imported_names(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from infoflow import x` may name a module
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def _files(modules: Iterable[str]) -> tuple[Path, ...]:
    """Files of the package that are run when modules are imported."""
    # importing a.b.c runs a and a.b as well
    names = {".".join(parts[: k + 1]) for n in modules for parts in [n.split(".")] for k in range(len(parts))}
    return tuple(f for name in sorted(names) if name.split(".")[0] == "infoflow" and (f := _file(name)))


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes that can run."""
    for node in ast.iter_child_nodes(tree):
        if not _means_nothing(node):
            yield node
            yield from _statements(node)


@cache
def _file(module: str) -> Path | None:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return next((f for f in (path.with_suffix(".py"), path / "__init__.py") if f.exists()), None)


def _source(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _unchanged() -> dict[str, dict[str, str]]:
    """By module, the digest before an edit by the digest after it."""
    known: dict[str, dict[str, str]] = {}
    for edit in recorded_edits():
        before = known.setdefault(edit["module"], {})
        if edit["after"] not in _history(edit["before"], before):  # else it takes back what another one did
            before[edit["after"]] = edit["before"]
    return known


def recorded_edits() -> list[dict[str, str]]:
    """Edits that somebody said change no number: module, digest before and after, why."""
    return json.loads(UNCHANGED.read_text(encoding="utf-8")) if UNCHANGED.exists() else []


def software() -> dict[str, str]:
    """Versions of what computed a result, and the state of the repository it was run from."""
    versions = {"python": platform.python_version()}
    for name in _RECORDED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    edits = recorded_edits()
    return {
        **{f"{name.lower()}_version": version for name, version in versions.items()},
        **repository(),
        **({"edits_without_effect": json.dumps(edits)} if edits else {}),
    }


def repository() -> dict[str, str]:
    """Commit of the repository, and whether files differ from it."""
    if (note := PACKAGE.parents[2] / ".commit").exists():  # laid out from a commit, see rules/source.smk
        return {"git_commit": note.read_text(), "git_dirty": "false"}
    try:
        return {"git_commit": git("rev-parse", "HEAD"), "git_dirty": str(bool(git("status", "--porcelain"))).lower()}
    except (OSError, subprocess.CalledProcessError):  # no git, or not a checkout
        return {"git_commit": "unknown", "git_dirty": "unknown"}


def git(*arguments: str) -> str:
    """What git says in the package's repository.

    Raises:
        OSError, subprocess.CalledProcessError: there is no git, or it fails.
    """
    done = subprocess.run(["git", *arguments], cwd=PACKAGE, capture_output=True, text=True, check=True)
    return done.stdout.strip()
