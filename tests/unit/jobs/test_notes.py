"""What planning sees of results that Snakemake has no notes of; in a run: tests/workflow/test_reruns.py."""

from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

mpl.use("Agg")
import matplotlib.pyplot as plt
from snakemake.persistence import ParamsChange, PersistenceBase

from infoflow.figures.draw import save
from infoflow.files.cubes import describe_cube, write_cube
from infoflow.files.results import write_result
from infoflow.jobs.job import Job
from infoflow.jobs.notes import MARKED, read_marks
from infoflow.jobs.record import find_mark, mark
from infoflow.studies.explorer.page import write_page

PARAMETERS = {"probe": {"learning_rate": 0.001, "shape": [8, 8]}, "code": "abc"}
OTHERS = PARAMETERS | {"code": "abd"}
ABOUT = {"long_name": "numbers", "units": "1"}


def result(path: Path, parameters=PARAMETERS) -> Path:
    job = Job("probe_cascade", parameters, outputs=[path])
    write_result(path, {"v": (("x",), np.random.default_rng(0).random(5000), ABOUT)}, job.about())
    return path


def cube(path: Path, parameters=PARAMETERS) -> Path:
    data = xr.Dataset({"v": ("x", np.random.default_rng(0).random(5000), ABOUT)})
    write_cube(describe_cube(data, {"title": "t", "parameters": parameters}), path, "merge_cube")
    return path


def figures(folder: Path, pictures: int, parameters=PARAMETERS) -> list[Path]:
    """A figure with so many pictures, of which each is an object of its own in a PDF file."""
    outputs = [folder / f"{pictures}.{suffix}" for suffix in ("png", "pdf", "json")]

    def draw():
        figure = plt.figure(figsize=(2, 2))
        for k in range(pictures):
            figure.figimage(np.full((2, 2), k), vmin=0, vmax=pictures)
        return figure

    save(Job("draw_study", parameters, outputs=outputs), draw)
    return outputs


def page(path: Path, parameters=PARAMETERS) -> Path:
    path.write_text(write_page({"title": f"not {mark(OTHERS)}", "experiments": []}, mark(parameters)))
    return path


def test_results_cubes_figures_and_pages_bear_the_mark_of_their_parameters(tmp_path):
    files = [result(tmp_path / "a.nc"), cube(tmp_path / "b.nc"), *figures(tmp_path, 1), *figures(tmp_path, 400)]
    files.append(page(tmp_path / "c.html"))
    assert {path.suffix for path in files} == {*MARKED, ".json", ".html"}
    assert min(path.stat().st_size for path in files if path.suffix == ".nc") > 10_000  # the ends are not the whole
    assert [find_mark(path) for path in files] == [mark(PARAMETERS)] * len(files)


def test_a_mark_is_of_the_values_of_parameters_and_not_of_their_order():
    again = {"code": "abc", "probe": {"shape": (8, 8), "learning_rate": 1e-3}}
    assert mark(PARAMETERS) == mark(again)
    assert mark(PARAMETERS) != mark(OTHERS)


@pytest.mark.parametrize("contents", [b"", b"text", b"x" * 100_000, b"made-by-abc", b"startxref\n99999999999\n%%EOF"])
def test_what_bears_no_mark_has_none(tmp_path, contents):
    (tmp_path / "a.pdf").write_bytes(contents)
    assert find_mark(tmp_path / "a.pdf") is None


@pytest.fixture
def persistence():
    """A module like Snakemake's, with notes of some files by their name."""

    class PersistenceBase:
        def __init__(self, notes):
            self.notes = notes

        def metadata(self, path):
            return self.notes.get(Path(path).name)

        def has_metadata(self, job):
            return all(self.metadata(path) is not None for path in job.output)

        def params_changed(self, job, file=None):
            noted = [path for path in job.output if file in (None, path) and self.metadata(path) is not None]
            changed = [path for path in noted if self.metadata(path) != job.params.job]
            return ParamsChange({"noted"}, {"wanted"}, set(changed)) if changed else ParamsChange()

    module = SimpleNamespace(PersistenceBase=PersistenceBase, ParamsChange=ParamsChange)
    read_marks(module)
    return module


def job(*outputs, parameters=PARAMETERS) -> SimpleNamespace:
    return SimpleNamespace(output=outputs, params=SimpleNamespace(job=parameters))


def test_without_notes_the_marks_are_looked_at(persistence, tmp_path):
    files = [result(tmp_path / "a.nc"), *figures(tmp_path, 1), page(tmp_path / "c.html")]
    nothing = persistence.PersistenceBase({})
    for path in files:
        assert nothing.has_metadata(job(path))
        assert not nothing.params_changed(job(path))
        changed = nothing.params_changed(job(path, parameters=OTHERS))
        assert (changed.only_old, changed.only_new) == ({mark(PARAMETERS)}, {mark(OTHERS)})
        assert changed.files == {path}


def test_a_file_without_notes_and_mark_is_not_what_is_wanted(persistence, tmp_path):
    path = result(tmp_path / "a.nc")
    path.write_bytes(path.read_bytes()[:-200])
    assert persistence.PersistenceBase({}).params_changed(job(path)).files == {path}


def test_a_page_without_a_mark_is_left_alone(persistence, tmp_path):
    path = tmp_path / "summary.html"
    path.write_text("<!doctype html>")
    nothing = persistence.PersistenceBase({})
    assert not nothing.has_metadata(job(path))
    assert not nothing.params_changed(job(path))


def test_one_of_two_files_can_be_another(persistence, tmp_path):
    both = [figures(tmp_path / name, 1, parameters) for name, parameters in (("a", PARAMETERS), ("b", OTHERS))]
    mixed = job(both[0][0], both[1][1])
    nothing = persistence.PersistenceBase({})
    assert nothing.params_changed(mixed).files == {both[1][1]}
    assert not nothing.params_changed(mixed, both[0][0])
    assert nothing.params_changed(mixed, both[1][1]).files == {both[1][1]}


def test_where_there_are_notes_they_count(persistence, tmp_path):
    path = result(tmp_path / "a.nc", OTHERS)
    noted = persistence.PersistenceBase({"a.nc": PARAMETERS})
    assert noted.has_metadata(job(path))
    assert not noted.params_changed(job(path))
    assert noted.params_changed(job(path, parameters=OTHERS)).only_old == {"noted"}


def test_what_is_not_there_or_bears_no_marks_or_has_no_such_parameters_is_left_alone(persistence, tmp_path):
    nothing = persistence.PersistenceBase({})
    (tmp_path / "a.zip").write_text("x")
    result(tmp_path / "a.nc")
    foreign = SimpleNamespace(output=[tmp_path / "a.nc"], params=SimpleNamespace())
    for one in (job(tmp_path / "b.nc"), job(tmp_path / "a.zip"), foreign):
        assert not nothing.params_changed(one)
    assert not nothing.has_metadata(job(tmp_path / "b.nc", tmp_path / "a.zip"))


def test_marks_are_read_once_however_often_a_workflow_is_parsed(persistence):
    once = persistence.PersistenceBase.params_changed
    read_marks(persistence)
    assert persistence.PersistenceBase.params_changed is once


@pytest.mark.parametrize("missing", ["PersistenceBase", "ParamsChange", "has_metadata", "params_changed", "metadata"])
def test_another_version_of_snakemake_is_left_alone_and_said_so(persistence, caplog, missing):
    names = {"has_metadata": None, "params_changed": None, "metadata": None}
    base = type("PersistenceBase", (), {name: value for name, value in names.items() if name != missing})
    module = SimpleNamespace(PersistenceBase=base, ParamsChange=ParamsChange)
    if hasattr(module, missing):
        delattr(module, missing)
    before = dict(vars(base))
    read_marks(module)
    assert dict(vars(base)) == before
    assert "cannot be told what results record" in caplog.text


def test_the_snakemake_of_the_lock_is_one_that_can_be_told(tmp_path, caplog, monkeypatch):
    for name in ("has_metadata", "params_changed"):
        monkeypatch.setattr(PersistenceBase, name, getattr(PersistenceBase, name))  # put back at the end
    read_marks()
    assert caplog.text == ""
    assert PersistenceBase.has_metadata.reads_marks

    class Nothing(PersistenceBase):
        """Notes of nothing."""

        def __init__(self):
            pass

        def metadata(self, path):
            return None

        def record_format_version(self, path):
            return None

        def _params(self, job):
            return ()

    nothing = type("Nothing", (Nothing,), dict.fromkeys(PersistenceBase.__abstractmethods__))()
    path = result(tmp_path / "a.nc")
    assert nothing.has_metadata(job(path))
    assert not nothing.params_changed(job(path))
    assert nothing.params_changed(job(path, parameters=OTHERS)).files == {path}
