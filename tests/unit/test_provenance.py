import json
import os
import subprocess
import sys

import pytest

from common import ROOT
from infoflow import estimators, figures, predictors, provenance, reconstruction
from infoflow.config import ARCHITECTURE_OPTIONS, METHOD_OPTIONS
from infoflow.cubes import MEAN_FIELD
from infoflow.provenance import PACKAGE, code_digest, imported_modules, software

# the modules that a rule picks by name at run time
PLUGINS = {
    "prepare_dataset": ["datasets.mnist"],
    **{f"probe_cascade {m}": ["architectures.mlp", f"reconstruction.{m}"] for m in METHOD_OPTIONS},
    **{f"probe_cascade {kind}": [f"architectures.{kind}", "reconstruction.adam"] for kind in ARCHITECTURE_OPTIONS},
    "train_network": ["architectures.mlp"],
    "score_predictor": ["architectures.mlp", *(f"predictors.{n}" for n in predictors.PREDICTORS if n != MEAN_FIELD)],
    "explain_decisions": ["architectures.mlp", "reconstruction.adam"],
    "evaluate_kl": [],
    "merge_cube": [],
    "archive": [],
    "ising_exact": [],
    "ising_monte_carlo": [],
    "merge_ising": [],
    "network_entropy": ["architectures.mlp"],
    "merge_network_entropy": [],
    "probe_budget": ["architectures.mlp", *(f"reconstruction.{m}" for m in METHOD_OPTIONS)],
    "merge_probing_budget": [],
    "train_snapshots": [],
    "measure_information": ["reconstruction.ridge", *(f"estimators.{kind}" for kind in estimators.kinds())],
    "merge_information_plane": [],
    "build_leaderboard": [],
    **{f"draw_figure {name}": [f"figures.{name}"] for name in figures.FIGURES},
    **{f"draw_study {name}": [f"figures.{name}"] for names in figures.STUDIES.values() for name in names},
}
SCRIPTS = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")}


def names(paths) -> set[str]:
    return {".".join(p.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__") for p in paths}


def test_every_method_of_probing_is_covered():
    assert set(METHOD_OPTIONS) == set(reconstruction.methods())


def test_every_script_is_covered():
    assert {rule.split()[0] for rule in PLUGINS} == SCRIPTS


IMPORTS = """
import json, os, sys
import matplotlib.pyplot, scipy.optimize, scipy.stats, sklearn.datasets, torch, xarray  # once for all rules

for rule, code in json.load(sys.stdin).items():
    if os.fork() == 0:
        exec(code)
        print(json.dumps([rule, [m for m in sys.modules if m.startswith("infoflow")]]), flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{rule}: its imports fail")
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """By rule: the modules of infoflow that a process has which imports what the rule imports."""
    imports = {}
    for rule, plugins in PLUGINS.items():
        lines = (ROOT / f"workflow/scripts/{rule.split()[0]}.py").read_text().splitlines()
        lines = [line.strip() for line in lines if line.strip().startswith(("import ", "from "))]
        imports[rule] = "\n".join([*lines, *(f"import infoflow.{p}" for p in plugins)])
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS],
        input=json.dumps(imports),
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("rule", PLUGINS)
def test_the_digest_covers_what_the_script_really_imports(loaded, rule):
    modules = {m.removeprefix("infoflow").lstrip(".") or "__init__" for m in loaded[rule]}
    covered = names(imported_modules(rule.split()[0], *PLUGINS[rule]))
    assert modules <= covered, f"imported, but not in the digest: {modules - covered}"


def test_stages_depend_on_what_they_should():
    probe = names(imported_modules("probe_cascade", "architectures.mlp", "reconstruction.adam"))
    train = names(imported_modules("train_network", "architectures.mlp"))
    evaluate = names(imported_modules("evaluate_kl"))
    explain = names(imported_modules("explain_decisions", "architectures.mlp", "reconstruction.adam"))
    assert "cascade" in probe
    assert "reconstruction.adam" in probe
    assert "reconstruction.ridge" not in probe
    assert "cascade" not in train
    assert "training" in train
    assert "training" not in probe
    assert {"cascade", "decisions", "training"} <= explain
    assert not {"divergence", "evaluation"} & explain
    assert "decisions" not in probe | train | evaluate
    assert not {"theory", "meanfield", "residual"} & (probe | train | evaluate | explain)
    assert {"theory", "meanfield", "residual"} <= names(imported_modules("merge_cube"))
    assert not {m for m in probe | train if m.startswith("architectures.")} - {"architectures.mlp"}
    assert not {m for m in probe | train | evaluate | explain if m.startswith(("figures", "datasets.", "cubes"))}
    assert "divergence" in evaluate
    assert "divergence" not in probe


def test_what_is_sampled_for_hours_depends_on_little():
    sampled, exact = names(imported_modules("ising_monte_carlo")), names(imported_modules("ising_exact"))
    assert "ising_monte_carlo" in sampled - exact
    assert "ising.square" in exact - sampled
    drawn = names(imported_modules("draw_study", "figures.ising_probes"))
    assert not {"cubes", "ising_monte_carlo", "theory", "figures.ising_flow_1d"} & drawn


@pytest.fixture
def fresh(monkeypatch):
    """Digests computed anew, with every source file passed through a function of the test's."""

    def digest(rule, *plugins, edit=lambda path, text: text):
        for function in (provenance.code_digest, provenance.imported_modules, provenance._imports):
            function.cache_clear()
        monkeypatch.setattr(provenance, "_source", lambda path: edit(path, path.read_bytes()))
        return code_digest(rule, *plugins)

    yield digest
    monkeypatch.undo()
    for function in (provenance.code_digest, provenance.imported_modules, provenance._imports):
        function.cache_clear()


def test_an_edit_changes_the_digest_of_the_stages_that_run_it(fresh):
    def edit(path, text):
        return text + b"\n# edited" if path.name == "cascade.py" else text

    assert fresh("probe_cascade") != fresh("probe_cascade", edit=edit)
    assert fresh("train_network") == fresh("train_network", edit=edit)


def test_line_endings_do_not_change_the_digest(tmp_path):
    (tmp_path / "unix.py").write_bytes(b"a\nb\n")
    (tmp_path / "windows.py").write_bytes(b"a\r\nb\r\n")
    assert provenance._source(tmp_path / "unix.py") == provenance._source(tmp_path / "windows.py")


def test_the_software_is_recorded():
    record = software()
    assert record["torch_version"]
    assert set(record) >= {"git_commit", "git_dirty", "python_version", "snakemake_version"}


def test_what_the_workflow_imports_at_parse_time_is_light():
    code = "import sys, infoflow.config, infoflow.grid, infoflow.provenance, infoflow.figures; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"torch", "numpy", "xarray", "pandas", "matplotlib", "scipy"} & set(done.stdout.split())
