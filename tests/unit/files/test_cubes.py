"""What all cubes have in common; noise and copies are in the tests of the cube of trainability."""

import fcntl
import json

import numpy as np
import pytest
import xarray as xr

from infoflow import __version__
from infoflow.errors import InfoflowError
from infoflow.files.cubes import about_job, describe_cube, read_cube, write_cube
from infoflow.files.results import read_attributes, read_result
from infoflow.jobs.job import Job
from infoflow.jobs.record import find_mark, mark

JOB = Job("merge_ising", {"title": "a chain", "config": {"ising": {}}, "code": "0123"})
COST = {"jobs": 1, "cpu_seconds": 2.0, "wall_seconds": 3.0, "gpu_seconds": 0.0, "peak_memory_mb": 9.0}


def described(*without: str) -> xr.Dataset:
    about = {"long_name": "coupling", "units": "1"}
    cube = xr.Dataset({"flow": (("step",), np.arange(4.0), {k: v for k, v in about.items() if k not in without})})
    sources = [{"cost": json.dumps({"ising_exact": COST})}] * 2
    return describe_cube(cube, about_job(JOB, sources) | {"references": "somewhere"})


def test_a_cube_says_what_made_it_and_what_it_cost(tmp_path):
    write_cube(described(), tmp_path / "a.nc", JOB.rule)
    cube = read_cube(tmp_path / "a.nc", JOB.parameters)
    assert cube["flow"].values.tolist() == [0, 1, 2, 3]
    attributes = cube.attrs
    assert (attributes["title"], attributes["references"]) == ("a chain", "somewhere")
    assert (attributes["Conventions"], attributes["source"]) == ("CF-1.11", f"infoflow {__version__}")
    assert json.loads(attributes["config"]) == {"ising": {}}
    assert json.loads(attributes["parameters"]) == JOB.parameters
    assert attributes["torch_version"]
    cost = json.loads(attributes["cost"])
    assert cost["ising_exact"] == {**COST, "jobs": 2, "cpu_seconds": 4.0, "wall_seconds": 6.0}
    assert cost["merge_ising"]["jobs"] == 1
    assert find_mark(tmp_path / "a.nc") == mark(JOB.parameters)
    with xr.open_dataset(tmp_path / "a.nc") as plain:
        assert plain["flow"].attrs["long_name"] == "coupling"


def test_a_cube_that_was_made_otherwise_is_refused(tmp_path):
    write_cube(described(), tmp_path / "a.nc", JOB.rule)
    with pytest.raises(InfoflowError, match=r"a\.nc: made with code = 0123, not 4567; delete it and run again"):
        read_cube(tmp_path / "a.nc", {**JOB.parameters, "code": "4567"})
    with pytest.raises(InfoflowError, match=r"a\.nc: made with config\.experiments\.a = None, not 1"):
        read_cube(tmp_path / "a.nc", {**JOB.parameters, "config": {"ising": {}, "experiments": {"a": 1}}})


@pytest.mark.parametrize("attribute", ["long_name", "units"])
def test_a_cube_whose_variables_do_not_say_what_they_are_is_not_written(tmp_path, attribute):
    with pytest.raises(InfoflowError, match=f"cube: flow has no {attribute}"):
        write_cube(described(attribute), tmp_path / "a.nc", JOB.rule)
    with pytest.raises(InfoflowError, match="cube: it holds nothing"):
        write_cube(described().drop_vars("flow"), tmp_path / "a.nc", JOB.rule)
    assert list(tmp_path.iterdir()) == []


def test_a_cube_is_a_result(tmp_path):
    write_cube(described(), tmp_path / "a.nc", JOB.rule)
    assert np.array_equal(read_result(tmp_path / "a.nc")["flow"], np.arange(4.0))
    assert read_attributes(tmp_path / "a.nc")["title"] == "a chain"


def test_a_cube_that_a_notebook_holds_open_is_read_and_closed(tmp_path):
    write_cube(described(), tmp_path / "a.nc", JOB.rule)
    with open(tmp_path / "a.nc", "rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        cube = read_cube(tmp_path / "a.nc", JOB.parameters)
    assert cube["flow"].values.tolist() == [0, 1, 2, 3]
    cube.close()


def test_a_cube_is_written_anew_while_it_is_open(tmp_path):
    write_cube(described(), tmp_path / "a.nc", JOB.rule)
    twice = described()
    twice["flow"].values *= 2
    with xr.open_dataset(tmp_path / "a.nc") as shown:
        write_cube(twice, tmp_path / "a.nc", "x")
        assert shown["flow"].values.tolist() == [0, 1, 2, 3]
    assert read_cube(tmp_path / "a.nc")["flow"].values.tolist() == [0, 2, 4, 6]
