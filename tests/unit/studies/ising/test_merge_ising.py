"""Cubes of the Ising studies."""

import dataclasses
import json

import netCDF4
import numpy as np
import pytest
import xarray as xr

from infoflow.errors import InfoflowError
from infoflow.files.cubes import describe_cube, read_cube, write_cube
from infoflow.files.results import read_result, write_result
from infoflow.studies.ising.about import describe_merged
from infoflow.studies.ising.ising_exact import decimate_lattice
from infoflow.studies.ising.merge_ising import merge_ising, merge_results


def test_couplings_that_are_drawn_are_marked(chain):
    assert chain["highlighted"].values.tolist() == [0, 1, 1]


def test_samples_stand_beside_what_is_exact(square):
    assert square["sampled_coupling"].values.tolist() == [0.3, 0.440687]
    assert square["side"].values.tolist() == [4, 8]
    pulls = (square["sampled_energy"] - square["torus_energy"]) / square["sampled_energy_error"]
    assert (abs(pulls) < 4).all()
    np.testing.assert_allclose(
        square["sampled_mutual_information"],
        square["torus_entropy"] - 2 * square["sampled_conditional_entropy"],
    )


def test_a_cube_is_written_with_what_made_it(chain, chain_job, tmp_path):
    path = tmp_path / "ising_1d.nc"
    parameters = {"options": {"sweeps": 400}}
    write_cube(describe_cube(chain, {"title": "a run", "parameters": parameters, "cost": "{}"}), path, "merge_ising_1d")
    cube = read_cube(path, parameters)
    xr.testing.assert_equal(cube, chain)
    assert cube.attrs["Conventions"] == "CF-1.11"
    assert json.loads(cube.attrs["parameters"]) == parameters
    assert json.loads(cube.attrs["cost"])["merge_ising_1d"]["jobs"] == 1
    for variable in cube.variables.values():
        assert {"long_name", "units"} <= set(variable.attrs)
    with pytest.raises(InfoflowError, match="flow has no long_name"):
        write_cube(chain.assign(flow=chain["flow"].drop_attrs(deep=False)), path, "merge")


def test_the_job_records_what_its_cube_is_made_from(square, square_job):
    assert json.loads(square.attrs["parameters"]) == json.loads(json.dumps(square_job.parameters))
    assert (square.attrs["title"], square.attrs["Conventions"]) == ("a run", "CF-1.11")
    assert json.loads(square.attrs["config"]) == {"run": {"name": "a run"}}
    assert "arXiv:2107.06898" in square.attrs["references"]
    cost = json.loads(square.attrs["cost"])
    assert {rule: cost[rule]["jobs"] for rule in cost} == {"ising_exact": 1, "ising_monte_carlo": 2, "merge_ising": 1}


def test_parts_of_another_config_or_damaged_ones_are_refused(chain_job, tmp_path):
    options = {**chain_job["exact"]["options"], "steps": 5}
    other = {**chain_job.parameters, "exact": {**chain_job["exact"], "options": options}}
    with pytest.raises(InfoflowError, match=r"chain.nc: made with options.steps = 4, not 5"):
        merge_ising(dataclasses.replace(chain_job, parameters=other))
    path = tmp_path / "part.nc"
    path.write_bytes(b"noise")
    with pytest.raises(InfoflowError, match=r"part.nc: not a whole cube"):
        merge_ising(dataclasses.replace(chain_job, inputs={"exact": str(path)}))


def test_samples_of_other_lattices_do_not_belong_together(square, square_job):
    exact, *samples = (xr.load_dataset(path) for path in (square_job.inputs["exact"], *square_job.files("samples")))
    described = describe_merged(square_job.parameters)
    xr.testing.assert_equal(merge_results(exact, samples, [0.3, 0.6], described), square)
    with pytest.raises(ValueError, match="side"):
        merge_results(exact, [samples[0], samples[1].isel(side=[0])], [], described)


@pytest.mark.parametrize("kind", ["chain", "square"])
def test_all_descriptions_are_those_of_the_merge(kind, request, tmp_path, same_attributes):
    """What results say of themselves may be out of date: an edited title reaches the cube by merging again only."""
    job = request.getfixturevalue(f"{kind}_job")
    outdated = {}
    for name, files in (("exact", job.files("exact")), ("samples", job.files("samples"))):
        outdated[name] = [tmp_path / path.rpartition("/")[2] for path in files]
        for path, copy in zip(files, outdated[name]):
            with netCDF4.Dataset(path) as file:
                dimensions = {variable: file[variable].dimensions for variable in file.variables}
            result = read_result(path)
            wrong = {"long_name": "wrong", "units": "m", "comment": "wrong", "more": "wrong"}
            write_result(
                copy,
                {variable: (dimensions[variable], values, wrong) for variable, values in result.variables.items()},
                {key: value for key, value in result.attributes.items() if key != "rule"},
            )
    inputs = {"exact": str(outdated["exact"][0]), "samples": [str(path) for path in outdated["samples"]]}
    again = dataclasses.replace(job, inputs=inputs, outputs=[str(tmp_path / "cube.nc")])
    merge_ising(again)
    cube, expected = read_cube(again.output), read_cube(job.output)
    xr.testing.assert_equal(cube, expected)
    for name, variable in cube.variables.items():
        assert same_attributes(variable.attrs, expected[name].attrs), name


def test_results_say_what_the_cube_says(chain, chain_job, square, square_job, same_attributes):
    for cube, job in ((chain, chain_job), (square, square_job)):
        for path in (*job.files("exact"), *job.files("samples")):
            with netCDF4.Dataset(path) as file:
                for name, variable in file.variables.items():
                    assert same_attributes(variable.__dict__, cube[name].attrs), name


def test_comments_tell_the_options(chain, square):
    assert chain["ring_relative_entropy_a"].attrs["comment"].endswith("exact, ring of 16 spins")
    assert chain["relative_entropy_a"].attrs["comment"].endswith("exact, infinite lattice")
    assert "torus of 4 x 4 spins" in square["enumerated_relative_entropy"].attrs["comment"]
    assert square["sampled_energy_error"].attrs == {
        "long_name": "standard error: sum of the correlations of the two bonds of a site",
        "units": "1",
        "comment": "per site; estimate, Monte Carlo (wolff) of a torus, 2 chains of 400 measurements after 20 sweeps",
    }
    assert square["sampled_mutual_information"].attrs["comment"].startswith("per site, nats; estimate")


def test_every_variable_is_described_and_nothing_else(chain, chain_job, square, square_job):
    assert set(describe_merged(chain_job.parameters)) == set(chain.variables)
    assert set(describe_merged(square_job.parameters)) == set(square.variables)
    options = {"couplings": [0.25], "steps": 4, "spins": None}
    described = describe_merged({"exact": {"section": "chain", "options": options}})
    assert set(described) == {*decimate_lattice("chain", options), "highlighted"}
