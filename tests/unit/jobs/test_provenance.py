import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common import ROOT, plugins
from infoflow import reconstruction
from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.engine.activations.kinds import ACTIVATIONS
from infoflow.estimators import kinds as estimators
from infoflow.jobs import provenance
from infoflow.jobs.provenance import PACKAGE, code_digest, digest_source, imported_modules, module_name, software
from infoflow.plan import KINDS
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies.trainability.plan import Trainability
from infoflow.studies.trainability.scores import FREE

# the modules that a rule picks by name at run time
NETWORK = ["architectures.mlp", *(f"engine.activations.{name}" for name in ACTIVATIONS)]
FITTED = [name for name, about in METHODS.items() if about.plugin]
PLUGINS = {
    "prepare_dataset": ["datasets.mnist"],
    **{f"probe_cascade {m}": [*NETWORK, f"reconstruction.{m}"] for m in FITTED},
    **{f"probe_cascade {kind}": [*NETWORK, f"architectures.{kind}", "reconstruction.adam"] for kind in ARCHITECTURES},
    "probe_kernel": NETWORK,
    "train_network": NETWORK,
    "score_predictor": [*NETWORK, *(f"predictors.{n}" for n in PREDICTORS if n not in FREE)],
    "explain_decisions": [*NETWORK, "reconstruction.adam"],
    "network_entropy": NETWORK,
    "probe_budget": [*NETWORK, *(f"reconstruction.{m}" for m in FITTED)],
    "train_snapshots": ["engine.activations.tanh"],
    "measure_information": [
        *("reconstruction.ridge", "engine.activations.linear", "engine.activations.tanh"),
        *(f"estimators.{kind}" for kind in estimators.kinds()),
    ],
    **{f"draw_figure {name}": [f"studies.trainability.figures.{name}"] for name in Trainability.FIGURES},
    **{
        f"draw_study {name}": [f"studies.{study.name}.figures.{name}"]
        for study in KINDS
        if study is not Trainability
        for name in study.FIGURES
    },
}
SCRIPTS = {path.stem for path in (ROOT / "workflow/scripts").glob("*.py")}
PLUGINS |= {script: [] for script in sorted(SCRIPTS - {rule.split()[0] for rule in PLUGINS})}


def names(paths) -> set[str]:
    return {".".join(p.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__") for p in paths}


def test_every_method_of_probing_is_covered():
    assert set(FITTED) == set(plugins(reconstruction, "cascade", "cases", "divergence", "fit", "kernel", "walk"))


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
    for rule, named in PLUGINS.items():
        lines = (ROOT / f"workflow/scripts/{rule.split()[0]}.py").read_text().splitlines()
        lines = [line.strip() for line in lines if line.strip().startswith(("import ", "from "))]
        imports[rule] = "\n".join([*lines, *(f"import infoflow.{p}" for p in named)])
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


def computed(rule: str, *named: str) -> set[str]:
    """The modules that the digest of a rule that computes covers."""
    return names(imported_modules(rule, *named, described=False))


def test_stages_depend_on_what_they_should():
    probe = computed("probe_cascade", "architectures.mlp", "reconstruction.adam")
    train = computed("train_network", "architectures.mlp")
    evaluate = computed("evaluate_kl")
    explain = computed("explain_decisions", "architectures.mlp", "reconstruction.adam")
    assert "reconstruction.cascade" in probe
    assert "reconstruction.adam" in probe
    assert "reconstruction.ridge" not in probe
    assert "reconstruction.cascade" not in train
    assert "engine.training" in train
    assert "engine.training" not in probe
    assert {"reconstruction.cascade", "studies.trainability.explain_decisions", "engine.training"} <= explain
    assert not {"reconstruction.divergence", "studies.trainability.evaluate_kl"} & explain
    assert "studies.trainability.explain_decisions" not in probe | train | evaluate
    assert not {"theory.architectures", "theory.meanfield", "theory.residual"} & (probe | train | evaluate | explain)
    assert {"theory.architectures", "theory.meanfield", "theory.residual"} <= names(imported_modules("merge_cube"))
    own = {"architectures", "architectures.mlp", "architectures.build", "architectures.widths"}
    assert not {m for m in probe | train if m.startswith("architectures")} - own
    assert not {
        m for m in probe | train | evaluate | explain if m.startswith(("figures", "studies.trainability.merge_cube"))
    }
    assert "reconstruction.divergence" in evaluate
    assert "reconstruction.divergence" not in probe
    # of another activation function, or another study, nothing
    chosen = {m for m in probe | train | evaluate | explain if m.startswith("engine.activations.")}
    assert chosen == {"engine.activations.activation"}
    others = {f"studies.{study.name}" for study in KINDS} - {"studies.trainability"}
    assert not {m for m in probe | train | evaluate | explain if m.startswith(tuple(others))}


def test_what_is_sampled_for_hours_depends_on_little():
    sampled, exact = computed("ising_monte_carlo"), computed("ising_exact")
    assert "studies.ising.monte_carlo" in sampled - exact
    assert "studies.ising.square" in exact - sampled
    drawn = names(imported_modules("draw_study", "studies.ising.figures.ising_probes"))
    beside = {"studies.trainability.merge_cube", "studies.ising.monte_carlo", "theory.architectures"}
    assert not {*beside, "studies.ising.figures.ising_flow_1d"} & drawn


CACHED = ("code_digest", "imported_modules", "equal_digest", "_imports", "_file", "_unchanged")


@pytest.fixture
def fresh(monkeypatch):
    """Digests computed anew, with every source file passed through a function of the test's."""
    kept = [getattr(provenance, name) for name in CACHED]

    def digest(rule, *plugins, edit=lambda path, text: text):
        for function in kept:
            function.cache_clear()
        monkeypatch.setattr(provenance, "_source", lambda path: edit(path, path.read_bytes()))
        return code_digest(rule, *plugins)

    yield digest
    monkeypatch.undo()
    for function in kept:
        function.cache_clear()


def added(text: bytes, *modules: str):
    """Adds a text to the end of some modules."""
    return lambda path, source: source + text if module_name(path) in modules else source


def test_an_edit_changes_the_digest_of_the_stages_that_run_it(fresh):
    edit = added(b"\nedited = 1\n", "reconstruction/cascade.py")
    assert fresh("probe_cascade") != fresh("probe_cascade", edit=edit)
    assert fresh("train_network") == fresh("train_network", edit=edit)
    script = added(b"\nedited = 1\n", "train_network.py")
    assert fresh("train_network") != fresh("train_network", edit=script)
    assert fresh("probe_cascade") == fresh("probe_cascade", edit=script)


@pytest.mark.parametrize("text", [b"\n# edited", b"\n\n\n", b'\n"""edited"""\n'], ids=repr)
def test_what_is_not_run_changes_no_digest(fresh, text):
    everywhere = lambda path, source: source + text  # noqa: E731
    for rule in ("probe_cascade", "merge_cube", "draw_study"):
        assert fresh(rule) == fresh(rule, edit=everywhere)


def test_plug_ins_are_part_of_the_digest(fresh):
    edit = added(b"\nedited = 1\n", "reconstruction/ridge.py")
    adam, ridge = ("probe_cascade", "reconstruction.adam"), ("probe_cascade", "reconstruction.ridge")
    assert len({fresh("probe_cascade"), fresh(*adam), fresh(*ridge), fresh(*ridge, edit=edit)}) == 4
    assert fresh(*adam) == fresh(*adam, edit=edit)
    # in whatever order they are named
    assert fresh(*adam, "architectures.mlp") == fresh("probe_cascade", "architectures.mlp", "reconstruction.adam")


def test_descriptions_are_part_of_what_merges_and_draws_alone(fresh):
    """Each study has its own; a title, a unit or a comment computes nothing again."""
    named = {rule.split()[0]: of for rule, of in PLUGINS.items()}
    described, others = {}, {}
    for rule, of in named.items():
        writes = rule.startswith(("merge_", "build_", "check_", "recommend", "draw_"))
        abouts = {module_name(p) for p in imported_modules(rule, *of) if p.name == "about.py"}
        if abouts:
            (described if writes else others)[rule] = abouts
    assert {"evaluate_kl", "train_network", "measure_information", "network_entropy"} <= set(others)
    assert {"merge_cube", "merge_information_plane", "build_leaderboard"} <= set(described)
    for rule, abouts in {**described, **others}.items():
        edited = fresh(rule, *named[rule], edit=added(b"\nedited = 1\n", *abouts))
        assert (edited != fresh(rule, *named[rule])) == (rule in described), rule


def test_descriptions_import_nothing_that_computes():
    """What they import is part of no digest either."""
    for path in PACKAGE.rglob("about.py"):
        imported = {module_name(p) for p in provenance._imports(path)}
        of_their_own = {n for n in imported if Path(n).name in ("about.py", "variables.py", "__init__.py")}
        constants = {"files/conventions.py", "reconstruction/cases.py"}
        assert imported <= of_their_own | constants, path


EQUAL = {
    "comment": "a = 1\n",
    "a comment": "# why\na = 1  # so\n",
    "blank lines": "\n\na = 1\n\n",
    "line endings": "\r\na = 1\r\n",
    "docstring": '"""What it is."""\na = 1\n',
    "docstring of a variable": 'a = 1\n"""What it is."""\n',
    "for type checkers": "if TYPE_CHECKING:\n    from a import b\na = 1\n",
    "layout": "a = (\n    1\n)\n",
}
OTHER = {
    "a value": "a = 2\n",
    "its type": "a = 1.0\n",
    "a name": "b = 1\n",
    "a statement": "a = 1\nb = 1\n",
    "text": "a = '1'\n",
    "bytes": "a = b'1'\n",
    "a sign": "a = -1\n",
    "for type checkers, or else": "if TYPE_CHECKING:\n    pass\nelse:\n    b = 1\na = 1\n",
    "a condition": "if CHECKING:\n    from a import b\na = 1\n",
    "an annotation": "a: int = 1\n",
}


@pytest.mark.parametrize("name", EQUAL)
def test_what_does_the_same_has_the_same_digest(name):
    assert digest_source(EQUAL[name].encode()) == digest_source(b"a = 1\n")


def test_what_does_something_else_has_another_digest():
    assert len({digest_source(text.encode()) for text in [*OTHER.values(), "a = 1\n"]}) == len(OTHER) + 1


def test_docstrings_of_functions_and_classes_are_no_part_of_a_digest():
    plain = b"class A:\n    b = 1\n    def f(self, c='x'):\n        return c\n"
    told = b'class A:\n    """What."""\n    b = 1\n    """Why."""\n'
    told += b'    def f(self, c="x"):\n        """How."""\n        return c\n'
    assert digest_source(plain) == digest_source(told)
    assert digest_source(plain) != digest_source(plain.replace(b"'x'", b"'y'"))
    assert digest_source(plain) != digest_source(plain.replace(b"return c", b"return self"))


def test_every_module_has_its_own_digest_whatever_its_name(fresh):
    """Modules of one name in two folders, and contents that are swapped."""
    swap = {"predictors/snip.py": "predictors/fisher.py", "predictors/fisher.py": "predictors/snip.py"}
    both = ("score_predictor", "predictors.snip", "predictors.fisher")
    swapped = fresh(*both, edit=lambda path, text: (PACKAGE / swap.get(module_name(path), path)).read_bytes())
    assert swapped != fresh(*both)


def test_imports_for_type_checkers_are_not_followed(fresh):
    hidden = b"\nif TYPE_CHECKING:\n    import infoflow.theory.meanfield\n"
    fresh("evaluate_kl", edit=added(hidden, "studies/trainability/evaluate_kl.py"))
    assert "theory.meanfield" not in names(imported_modules("evaluate_kl"))
    fresh("evaluate_kl", edit=added(hidden.replace(b"TYPE_CHECKING", b"True"), "studies/trainability/evaluate_kl.py"))
    assert "theory.meanfield" in names(imported_modules("evaluate_kl"))


@pytest.fixture
def memory(monkeypatch, tmp_path):
    """A file of what is known of sources, and nothing known."""
    for name in ("_known", "_remembered", "_memory"):
        monkeypatch.setattr(provenance, name, type(getattr(provenance, name))())
    return tmp_path / "cache/digests.json"


def test_digests_from_memory_are_the_same_and_nothing_is_parsed(memory, fresh, monkeypatch):
    expected = fresh("probe_cascade", "architectures.mlp")
    assert not memory.exists()  # nobody asked for it
    provenance.recall(memory)
    assert fresh("probe_cascade", "architectures.mlp") == expected
    assert json.loads(memory.read_text())["known"].keys() == provenance._known.keys()
    assert [path.name for path in memory.parent.iterdir()] == ["digests.json"]
    provenance._known.clear()
    provenance.recall(memory)
    monkeypatch.setattr(provenance.ast, "parse", lambda source: pytest.fail("parsed again"))
    assert fresh("probe_cascade", "architectures.mlp") == expected


def test_an_edit_is_seen_whatever_is_remembered(memory, fresh):
    provenance.recall(memory)
    once = fresh("evaluate_kl")
    provenance.recall(memory)
    edit = added(b"\nimport infoflow.theory.meanfield\n", "studies/trainability/evaluate_kl.py")
    assert fresh("evaluate_kl", edit=edit) != once
    assert "theory.meanfield" in names(imported_modules("evaluate_kl"))
    assert fresh("evaluate_kl") == once


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"by": "another", "known": {}}', '{"by": 1, "known": [1]}'])
def test_a_memory_that_makes_no_sense_is_none(memory, fresh, text):
    expected = fresh("evaluate_kl")
    memory.parent.mkdir()
    memory.write_text(text)
    provenance.recall(memory)
    assert fresh("evaluate_kl") == expected
    assert set(json.loads(memory.read_text())) == {"by", "known"}  # written anew, or as it should be


def test_where_nothing_can_be_written_nothing_is_remembered(memory, fresh, tmp_path):
    expected = fresh("evaluate_kl")
    memory.parent.write_text("no folder")
    provenance.recall(memory)
    provenance._known.clear()
    assert fresh("evaluate_kl") == expected


def test_what_is_remembered_does_not_grow_for_ever(memory, fresh, monkeypatch):
    provenance.recall(memory)
    fresh("evaluate_kl")
    size = len(json.loads(memory.read_text())["known"])
    monkeypatch.setattr(provenance, "_LARGEST_MEMORY", size)
    for k in range(3):
        fresh("evaluate_kl", edit=lambda path, source, k=k: source + f"\nedited = {k}\n".encode())
        assert len(json.loads(memory.read_text())["known"]) <= 2 * size


def test_the_software_is_recorded():
    record = software()
    assert record["torch_version"]
    assert set(record) >= {"git_commit", "git_dirty", "python_version", "snakemake_version"}


def test_a_laid_out_commit_is_recorded_as_such(monkeypatch, tmp_path):
    package = tmp_path / "workflow/src/infoflow"
    package.mkdir(parents=True)
    monkeypatch.setattr(provenance, "PACKAGE", package)
    assert provenance.repository() == {"git_commit": "unknown", "git_dirty": "unknown"}
    (tmp_path / ".commit").write_text("abc")
    assert provenance.repository() == {"git_commit": "abc", "git_dirty": "false"}
