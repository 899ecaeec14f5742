"""The archive of a run: what is in it, and what is refused."""

import copy
import hashlib
import json
import shutil
import zipfile

import pytest

from archived import COST, COSTS, SOFTWARE, metadata, planned, read
from common import ROOT, SCHEMA
from infoflow.archive.archive import archive, cost_summary
from infoflow.archive.crate import MANIFEST, METADATA
from infoflow.archive.source import source_digest
from infoflow.archive.verify import check_archive
from infoflow.config.check import check_config
from infoflow.datasets.kinds import DATASETS
from infoflow.errors import InfoflowError
from infoflow.jobs.job import Job
from infoflow.plan import Plan


def test_the_archive_holds_everything_with_its_size_and_checksum(run):
    run.write()
    with zipfile.ZipFile(run.archive) as archive:
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names}
    assert {"README.md", "LICENSE", "CITATION.cff", "cubes/digits.nc", "figures/digits/cost.pdf"} <= {*names}
    assert {"source/Snakefile", "source/envs/requirements.lock", "source/workflow/scripts/archive.py"} <= {*names}
    assert not [n for n in names if "__pycache__" in n or "egg-info" in n or "/." in n]
    assert not [n for n, content in contents.items() if str(ROOT).encode() in content]
    assert contents["cubes/digits.nc"] == run.cube.read_bytes()
    lines = contents[MANIFEST].decode().splitlines()
    assert lines == sorted(lines, key=lambda line: line[66:])
    sums = {line[66:]: line[:64] for line in lines}
    assert sums == {n: hashlib.sha256(c).hexdigest() for n, c in contents.items() if n != MANIFEST}
    entities = metadata(run.archive)
    for name in {*names} - {METADATA, MANIFEST}:
        entity = entities[name]
        assert entity["sha256"] == sums[name]
        assert entity["contentSize"] == str(len(contents[name]))
        assert entity["name"]
        assert entity["encodingFormat"]
    assert check_config(json.loads(contents["config.json"]), SCHEMA) == run.config
    software = json.loads(contents["software.json"])
    assert software["archive"] == SOFTWARE
    assert software["cubes"] == {"digits": {"torch_version": "2"}}
    assert software["source_sha256"] == source_digest(ROOT)
    readme = contents["README.md"].decode()
    assert "Alpaydin" in readme
    assert "https://creativecommons.org/licenses/by/4.0/" in readme
    assert check_archive(run.archive) == []


def test_the_same_files_give_the_same_bytes(run, tmp_path):
    assert run.write().read_bytes() == run.write(tmp_path / "again.zip").read_bytes()


def test_every_kind_of_data_set_has_a_source():
    for name, kind in DATASETS.items():
        what, address, licence = kind.source
        assert what, name
        assert licence, name
        assert address is None or address.startswith("http"), name


def test_the_archived_config_makes_the_same_run_again(run):
    archived = json.loads(read(run.write(), "config.json"))
    again = Plan(copy.deepcopy(archived), ROOT)
    assert again.config == run.config
    assert again.wanted() == ["digits"]
    assert again.cubes == run.plan.cubes


def test_a_damaged_cube_is_refused_by_name(run):
    run.cube.write_bytes(run.cube.read_bytes()[:-200])
    with pytest.raises(InfoflowError, match=r"digits\.nc: not a whole cube"):
        run.write()
    assert not run.archive.exists()


def test_a_missing_figure_is_refused_by_name(run):
    run.figures[1].unlink()
    with pytest.raises(InfoflowError, match=r"cost\.pdf: is missing; make it with `snakemake all_figures`"):
        run.write()
    assert not run.archive.exists()


def test_a_cube_that_was_made_otherwise_is_refused(run):
    with pytest.raises(InfoflowError, match=r"digits\.nc: made with [a-z_.]+\.train\.epochs = 40, not 41; delete it"):
        run.write(plan=planned(datasets__digits__train__epochs=41))


def test_the_cube_of_a_study_is_checked_by_its_recorded_parameters(run):
    both = planned(ising={"chain": {"steps": 2}}, run__studies=["trainability", "ising"])
    for name in ("ising_1d", "ising_2d"):
        run.write_cube(name, both, "merge_ising")
    path = run.write(plan=both)
    cube = run.cube.with_name("ising_1d.nc")
    assert hashlib.sha256(read(path, "cubes/ising_1d.nc")).digest() == hashlib.sha256(cube.read_bytes()).digest()
    assert not check_archive(path)
    assert json.loads(read(path, "cost.json"))["total"]["rules"]["merge_ising"]["jobs"] == 2
    other = planned(ising={"chain": {"steps": 3}})
    with pytest.raises(InfoflowError, match="ising_1d.nc: made with .*steps = 2, not 3; delete it"):
        run.write(plan=other)
    cube.write_bytes(cube.read_bytes()[:-200])
    with pytest.raises(InfoflowError, match="ising_1d.nc: not a whole cube"):
        run.write(plan=both)


@pytest.mark.parametrize(
    ("axis", "values", "message"),
    [
        ("depth", [2], r"axes\.depth = \[2, 3\], not \[2\]"),
        ("depth", [2, 3, 4], r"axes\.depth = \[2, 3\], not \[2, 3, 4\]"),
        ("sigma_w2", [1.0, 9.0], r"axes\.sigma_w2 = \[1.0, 2.0\], not \[1.0, 9.0\]"),
    ],
)
def test_a_cube_of_another_grid_is_refused(run, axis, values, message):
    with pytest.raises(InfoflowError, match=rf"digits\.nc: made with {message}; delete it and run again"):
        run.write(plan=planned(**{f"experiments__digits__{axis}": values}))


def test_a_cube_with_the_name_of_another_run_is_refused(run):
    """It is its title: the cube is merged again."""
    another = planned(run__name="another")
    with pytest.raises(InfoflowError, match=r"digits\.nc: made with .*name = a run, für .*, not another"):
        run.write(plan=another)
    run.write_cube("digits", another)
    assert check_archive(run.write(plan=another)) == []


def test_a_missing_licence_is_refused(run, tmp_path):
    shutil.copytree(ROOT / "workflow", tmp_path / "root/workflow", ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.raises(InfoflowError, match="LICENSE: is missing"):
        run.write(root=tmp_path / "root")


def test_the_job_archives_the_source_that_runs_it(run, monkeypatch):
    monkeypatch.setattr("infoflow.archive.archive.software", lambda: SOFTWARE)
    parameters = run.plan.archive(ROOT) | {"began": [str(run.began), "never.log"]}
    inputs = {"cubes": [str(run.cube)], "figures": [*map(str, run.figures)]}
    archive(Job("archive", parameters, inputs, [str(run.folder / "by_job.zip")]))
    assert (run.folder / "by_job.zip").read_bytes() == run.write().read_bytes()


def test_costs_are_summed_over_cubes(run):
    more = {"probe_cascade": COST | {"peak_memory_mb": 900.0}}
    cost = cost_summary({"a": {"cost": json.dumps(COSTS)}, "b": {"cost": json.dumps(more)}, "c": {}})
    assert cost["total"]["rules"]["probe_cascade"] == {
        "jobs": 4,
        "cpu_seconds": 16.0,
        "wall_seconds": 8.0,
        "gpu_seconds": 0.0,
        "peak_memory_mb": 900.0,
    }
    assert cost["total"]["probing_to_training"] == {"probe_cascade": 0.5}
    assert cost["cubes"] == {
        "a": {"rules": COSTS, "probing_to_training": {"probe_cascade": 0.25}},
        "b": {"rules": more, "probing_to_training": {}},
    }
    rules = json.loads(read(run.write(), "cost.json"))["cubes"]["digits"]["rules"]
    assert rules.pop("merge_cube")["jobs"] == 1  # of writing the cube
    assert rules == COSTS
