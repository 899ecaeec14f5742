"""Claims decided for real: those that need no cube, and those of exact Ising models."""

import csv
import io
import json
from pathlib import Path

import pytest

from common import ROOT
from infoflow.errors import InfoflowError
from infoflow.files.cubes import read_cube
from infoflow.jobs.record import mark
from infoflow.plan import Plan
from infoflow.studies.claims.check import main
from infoflow.studies.claims.check_claims import check_claims
from infoflow.studies.claims.entries import read_claims, read_evidence
from infoflow.studies.claims.quantities.registry import QUANTITIES
from infoflow.studies.claims.variables import FAILS, HOLDS, NOT_TESTED, THEORY, VERDICTS
from infoflow.studies.claims.verdicts import judge
from infoflow.studies.ising.ising_exact import ising_exact
from infoflow.studies.ising.merge_ising import merge_ising
from jobs import make_job

SAMPLED = {"sampling-energy", "sampling-limit"}
"""Of Monte Carlo, which is left out here."""


@pytest.fixture(scope="module")
def ising(tmp_path_factory):
    """A folder with the exact part of the cubes of the Ising models, as the demonstration has them."""
    folder = tmp_path_factory.mktemp("ising")
    study = Plan({"ising": {}}, ROOT).of["ising"]
    for dimension, lattice in (("1d", "chain"), ("2d", "square")):
        exact = study.exact(lattice)
        exact["options"] = exact["options"] | ({"strip_widths": [4]} if lattice == "square" else {})
        ising_exact(make_job(exact, folder / f"{lattice}.nc", rule="ising_exact"))
        parameters = {**study.merge(dimension), "exact": exact}
        parameters.pop("samples", None)
        inputs = {"exact": folder / f"{lattice}.nc", "samples": []}
        merge_ising(make_job(parameters, folder / f"cubes/ising_{dimension}.nc", inputs, rule="merge_ising"))
    return folder


@pytest.fixture(scope="module")
def job(ising):
    """The job that decided the claims from these cubes."""
    cubes = [ising / "cubes/ising_1d.nc", ising / "cubes/ising_2d.nc"]
    parameters = {
        "cubes": {path.stem: mark(read_cube(path).attrs["parameters"]) for path in cubes},
        "title": "a run",
        "config": {"run": {}},
    }
    outputs = [ising / name for name in ("cubes/claims.nc", "claims.csv", "claims.md")]
    made = make_job(parameters, outputs, {"cubes": cubes}, rule="check_claims")
    check_claims(made)
    return made


def test_claims_that_need_no_cube_have_the_recorded_verdicts():
    claims = [claim for claim in read_claims() if claim.evidence == THEORY]
    assert len(claims) > 20
    judged = judge(claims, read_evidence(), {}, QUANTITIES)
    assert {one.claim.id: one.verdict for one in judged if one.changed} == {}
    assert {one.verdict for one in judged} <= {HOLDS, FAILS}


def test_claims_on_ising_models_have_the_recorded_verdicts(job):
    cube = read_cube(job.output, job.parameters)
    of_ising = cube["evidence"].isin(["ising_1d", "ising_2d"]).values
    assert of_ising.sum() > 20
    changed = set(cube["claim"].values[(cube["changed"] == 1).values].tolist())
    assert changed == SAMPLED
    tested = cube["verdict"].values != VERDICTS.index(NOT_TESTED)
    assert set(cube["claim"].values[of_ising & ~tested].tolist()) == SAMPLED


def test_the_cube_has_failures_first_and_all_that_is_not_tested_with_its_reason(job):
    cube = read_cube(job.output, job.parameters)
    verdicts = cube["verdict"].values.tolist()
    assert verdicts == sorted(verdicts)
    assert cube.sizes["claim"] == len(read_claims())
    untested = cube.isel(claim=cube["verdict"].values == VERDICTS.index(NOT_TESTED))
    assert all(reason for reason in untested["reason"].values.tolist())
    reason = str(cube["reason"].sel(claim="map-slope-mnist").values)
    assert reason == "cube map_tanh is not part of this run; config/map.yaml makes it"
    assert json.loads(cube.attrs["parameters"])["cubes"] == job["cubes"]


def test_the_tables_have_all_claims(job):
    table, page = (Path(path).read_text(encoding="utf-8") for path in job.outputs[1:])
    rows = list(csv.DictReader(io.StringIO(table)))
    assert {row["id"]: row["statement"] for row in rows} == {claim.id: claim.statement for claim in read_claims()}
    assert all(claim.statement.replace("|", "\\|") in page for claim in read_claims())
    assert page.startswith("# Claims\n")
    assert "## What fails or is undecided" in page


def test_a_cube_of_another_run_is_refused(job):
    parameters = {**job.parameters, "cubes": dict.fromkeys(job["cubes"], "made-by-another")}
    with pytest.raises(InfoflowError, match=r"^results/cubes/ising_1d.nc: is not the cube of this run; delete it"):
        check_claims(make_job(parameters, job.outputs, job.inputs, rule="check_claims"))


def test_the_command_decides_from_several_results_and_fails_for_what_has_changed(ising, job, tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    assert "has no cubes; name a directory with the results of a run" in capsys.readouterr().out
    (tmp_path / "results/cubes").mkdir(parents=True)
    page = tmp_path / "claims.md"
    assert main([str(tmp_path), "--write", str(page)]) == 0  # what has no evidence here has not changed
    assert main([str(tmp_path), str(ising), "--write", str(page)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert {line.split(": ")[1] for line in told if line.startswith("changed: ")} == SAMPLED
    assert "## Changed verdicts" in page.read_text(encoding="utf-8")
