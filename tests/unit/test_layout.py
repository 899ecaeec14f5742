"""How the package is laid out: what belongs where, and who may import whom.

1. By study: a study imports nothing of another one but trainability's.
2. An `__init__.py` is a docstring.
3. What plans is light, and no job imports it.
4. A rule X, a script X.py and one module X.py with the function X(job) belong together.
5. A family of plug-ins is a folder; its `kinds.py` has the table of those that are there.
"""

import ast
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from common import ROOT, load_config
from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.datasets.kinds import DATASETS
from infoflow.engine.activations.kinds import ACTIVATIONS
from infoflow.estimators.kinds import ESTIMATORS
from infoflow.jobs import provenance
from infoflow.jobs.provenance import PACKAGE, SCRIPTS, imported_modules, module_name
from infoflow.plan import KINDS, Plan
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS

MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
RULES = sorted((ROOT / "workflow/rules").glob("*.smk"))

FAMILIES = {
    "architectures": (ARCHITECTURES, "build"),
    "datasets": (DATASETS, "load"),
    "engine/activations": (ACTIVATIONS, "ACTIVATION"),
    "estimators": (ESTIMATORS, "estimate"),
    "predictors": (PREDICTORS, "score"),
    "reconstruction": ([name for name, about in METHODS.items() if about.plugin], "fit"),
}
"""Families of plug-ins: their tables, and what each module of them has."""

LAYERS = (
    ("errors", "streams"),
    ("jobs",),
    ("files",),
    ("engine", "verdict"),
    ("architectures", "datasets", "estimators"),
    ("reconstruction",),
    ("theory",),  # strides of the stem are those of architectures.stem
    ("modules",),
    ("predictors",),
    ("figures",),
    ("studies",),
    ("archive", "cli", "measure"),
)
"""A folder imports what stands before it; those of one line nothing of each other. What plans stands beside."""

MOST_PARAMETERS, LONGEST_SCRIPT, LONGEST_COMMON = 8, 12, 60
LIGHT = {"yaml", "jsonschema", "infoflow"}
HEAVY = {"torch", "numpy", "xarray", "pandas", "matplotlib", "scipy", "netCDF4", "numba", "sklearn"}


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


@cache
def imports(name: str) -> frozenset[str]:
    """Modules of the package that a module imports itself, packages left out: they are docstrings."""
    found = {module_name(path) for path in provenance._imports(MODULES[name])}
    return frozenset(found - {n for n in found if n.endswith("__init__.py")})


def reached(*names: str) -> set[str]:
    """Some modules, and all that they import, directly or not."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += imports(name)
    return found


def outside(name: str) -> set[str]:
    """What a module imports by its first name, of anywhere."""
    found = set()
    for node in provenance._statements(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def defined(name: str) -> set[str]:
    """Names at the top of a module."""
    found = set()
    for node in tree(name).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def is_light(name: str) -> bool:
    return name.startswith("config/") or Path(name).name in ("plan.py", "kinds.py")


def is_a_command(name: str) -> bool:
    """Whether a module is run by itself, `python -m`."""
    return 'if __name__ == "__main__":' in MODULES[name].read_text(encoding="utf-8")


PLUGINS = [f"{folder.replace('/', '.')}.{name}" for folder, (table, _) in FAMILIES.items() for name in table]
FIGURES = [f"studies.{kind.name}.figures.{name}" for kind in KINDS for name in kind.FIGURES]
PLANNING = reached(*(name for name in MODULES if is_light(name)))
SCRIPT_NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))


@cache
def jobs_import() -> frozenset[str]:
    """All that any job imports, whatever plug-ins it uses."""
    every = (imported_modules(script, *PLUGINS, *FIGURES) for script in SCRIPT_NAMES)
    return frozenset(module_name(path) for paths in every for path in paths)


# --- 1


def test_a_study_imports_nothing_of_another_one_but_trainability():
    studies = [kind.name for kind in KINDS]
    assert {path.parent.name for path in (PACKAGE / "studies").glob("*/plan.py")} == set(studies)
    found = {
        (name, other)
        for name in MODULES
        for other in imports(name)
        if name.startswith("studies/") and other.startswith("studies/") and other.count("/") > 1
        if other.split("/")[1] not in (name.split("/")[1], "trainability")
    }
    assert found == set()


def test_only_plans_and_studies_know_studies():
    """And of the plans only that of all: it has the list of studies."""
    for name in MODULES:
        if not name.startswith("studies/"):
            assert name == "plan.py" or not {n for n in imports(name) if n.startswith("studies/")}, name


# --- 2


def test_a_package_is_a_docstring():
    for name in MODULES:
        if Path(name).name == "__init__.py":
            first, *others = tree(name).body
            assert isinstance(first, ast.Expr), name
            assert isinstance(first.value.value, str), name
            if name == "__init__.py":  # the public names, without an import of what they are
                assert "__version__" in defined(name)
                assert outside(name) == {"importlib"}
            else:
                assert not others, name


def test_every_folder_of_the_package_is_a_package():
    folders = {path.parent for path in MODULES.values()}
    assert all((folder / "__init__.py").is_file() for folder in folders)


# --- 3


def test_what_plans_imports_little():
    assert {"plan.py", "config/check.py", "studies/ising/plan.py", "datasets/kinds.py"} <= PLANNING
    foreign = {name: outside(name) - LIGHT - sys.stdlib_module_names for name in PLANNING}
    assert {name: what for name, what in foreign.items() if what} == {}


def test_no_job_imports_what_plans():
    assert {name for name in jobs_import() if is_light(name)} == set()
    others = {name for name in MODULES if not is_light(name) and {n for n in imports(name) if is_light(n)}}
    planning_alone = PLANNING - jobs_import()
    assert {name for name in others - planning_alone if not is_a_command(name)} == set()


def test_the_workflow_is_parsed_without_anything_heavy():
    """All that common.smk imports of the package."""
    text = (ROOT / "workflow/rules/common.smk").read_text()
    lines = [line for line in text.splitlines() if line.startswith("from infoflow.")]
    assert "from infoflow.plan import Plan" in lines
    code = "\n".join([*lines, "import sys", "print(*sys.modules)"])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not HEAVY & set(done.stdout.split())


# --- 4


def rules_of(path: Path) -> list[tuple[str | None, str]]:
    """Name, where it is written down, and script of the rules of a file that have one."""
    found = []
    for block in re.split(r"^ *(?=rule\b)", path.read_text(), flags=re.MULTILINE)[1:]:
        name = re.match(r"rule (\w+):", block)
        if script := re.search(r'"\.\./scripts/(.+)\.py"', block):
            found.append((name and name[1], script[1]))
    return found


def test_rules_and_scripts_belong_together():
    scripts = {script for path in RULES for _, script in rules_of(path)}
    figures = {figure.script for figure in Plan(load_config(), ROOT).figures}
    by_method = {about.script for about in METHODS.values()}
    assert scripts - {"{params.script}"} | figures | by_method == set(SCRIPT_NAMES)
    named = [(name, script) for path in RULES for name, script in rules_of(path) if name]
    assert len(named) > 10
    assert all(name == script for name, script in named)
    # of a method of probing the rules have names of their own
    unnamed = sorted(script for path in RULES for name, script in rules_of(path) if not name)
    assert unnamed == ["evaluate_kl", "{params.script}", "{params.script}"]
    assert (METHODS["adam"].probe, METHODS["adam"].evaluation) == ("probe_cascade", "evaluate_kl")


@pytest.mark.parametrize("script", SCRIPT_NAMES)
def test_a_script_calls_the_function_of_its_name_in_the_module_of_its_name(script):
    text = (SCRIPTS / f"{script}.py").read_text()
    assert len(text.splitlines()) <= LONGEST_SCRIPT
    (module,) = [name for name in MODULES if Path(name).stem == script]
    imported = f"infoflow.{module.removesuffix('.py').replace('/', '.')}"
    assert f"    from {imported} import {script}\n\n    {script}(job)\n" in text
    (function,) = [n for n in tree(module).body if isinstance(n, ast.FunctionDef) and n.name == script]
    assert [a.arg for a in function.args.args] == ["job"]
    assert ast.get_docstring(function)


# --- 5


def test_every_family_is_a_folder_with_a_table_of_its_modules():
    assert {Path(name).parent.as_posix() for name in MODULES if Path(name).name == "kinds.py"} == set(FAMILIES)
    for folder, (table, entry) in FAMILIES.items():
        there = {
            Path(name).stem
            for name in MODULES
            if Path(name).parent.as_posix() == folder and not Path(name).name.startswith("_") and entry in defined(name)
        }
        assert there == set(table), folder
        assert list(table) == sorted(table) or folder == "predictors", folder


# --- figures


def test_every_figure_has_its_module_and_its_caption():
    captions = {path.stem for path in (ROOT / "workflow/report").glob("*.rst")} - {"workflow", "explorer", "summary"}
    assert captions == {name for kind in KINDS for name in kind.FIGURES}
    assert len(captions) == sum(len(kind.FIGURES) for kind in KINDS)
    for kind in KINDS:
        folder = PACKAGE / f"studies/{kind.name}/figures"
        there = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
        assert there == set(kind.FIGURES), kind.name
        for name in there:
            assert "draw" in defined(f"studies/{kind.name}/figures/{name}.py")


# --- who imports whom


def test_no_folder_imports_what_stands_behind_it():
    place = {folder: k for k, folders in enumerate(LAYERS) for folder in folders}
    planning_alone = PLANNING - jobs_import()
    wrong = set()
    for name in MODULES:
        own = name.split("/")[0].removesuffix(".py")
        if own == "__init__" or name in planning_alone or is_light(name):
            continue
        for other in imports(name):
            top = other.split("/")[0].removesuffix(".py")
            known = is_a_command(name) and other in planning_alone
            if top != own and not known and place[top] >= place[own]:
                wrong.add((name, other))
    assert wrong == set()
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert folders == {f for f in place if f not in ("errors", "streams", "cli", "measure")} | {"config"}


LIGHT_JOBS = [name for name in SCRIPT_NAMES if name.startswith(("merge_", "build_", "check_", "draw_", "explorer"))]
"""Put results together or draw: many short jobs, of which none has to wait for torch or for numba."""

IMPORT = """
import importlib, json, sys

for name in json.load(sys.stdin):
    importlib.import_module(name)
    if heavy := {"torch", "torchvision", "numba"} & set(sys.modules):
        sys.exit(f"{name} imports {heavy}")
"""


@pytest.mark.parametrize("script", LIGHT_JOBS)
def test_the_code_of_what_merges_and_draws_has_nothing_of_torch(script):
    covered = {module_name(path) for path in imported_modules(script, *FIGURES if "draw" in script else ())}
    assert {name for name in covered if outside(name) & {"torch", "torchvision"}} == set()


def test_what_merges_and_draws_does_not_wait_for_torch():
    """Nor do other libraries import it there."""
    jobs = [name for name in MODULES if Path(name).stem in LIGHT_JOBS]
    assert len(jobs) == len(LIGHT_JOBS)
    modules = [*(f"infoflow.{name.removesuffix('.py').replace('/', '.')}" for name in jobs)]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        input=json.dumps([*modules, *(f"infoflow.{name}" for name in FIGURES)]),
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# --- size


def test_no_function_has_too_many_parameters():
    found = {}
    for name in MODULES:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                a = node.args
                names = [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
                if len(set(names) - {"self", "cls"}) > MOST_PARAMETERS:
                    found[f"{name}: {node.name}"] = len(names)
    assert found == {}


def test_what_the_rules_share_is_short():
    assert len((ROOT / "workflow/rules/common.smk").read_text().splitlines()) <= LONGEST_COMMON


# --- the tests


def test_the_tests_mirror_the_package():
    """A test is named like the module or the package that it is about, and stands where that stands."""
    here = ROOT / "tests/unit"
    of_all = {"test_layout.py", "test_security.py", "test_fuzz.py", "test_plan.py"}
    tests = {path.relative_to(here) for path in here.rglob("test_*.py")} - {Path(name) for name in of_all}
    assert len(tests) > 50
    about = {test: PACKAGE / test.parent / test.stem.removeprefix("test_") for test in tests}
    strays = {str(test) for test, of in about.items() if not (of.with_suffix(".py").is_file() or of.is_dir())}
    assert strays == set()
