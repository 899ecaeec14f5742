"""Claims in a run: decided from its cubes, and again only if these, or the entries, have changed."""

from infoflow.files.cubes import read_cube
from runs import STUDIES, drawn

DECIDED = {"check_claims": 1, **drawn("claims")}


def test_claims_are_decided_again_if_cubes_or_entries_change_and_only_then(checkout):
    checkout.write("tiny.yaml", {"run": {"name": "tiny"}, "ising": STUDIES["ising"]})
    assert "check_claims" not in checkout.plan()  # another experiment than that of the claims
    checkout.replace("claims/evidence.yaml", "{start: 0.05, stop: 2.5, step: 0.05}", "[0.5, 1.0]")
    checkout.replace("claims/evidence.yaml", "ising.chain.steps: 8", "ising.chain.steps: 3")
    assert DECIDED.items() <= checkout.plan().items()
    checkout.run("study_claims")
    assert checkout.plan("study_claims") == {}
    cube = read_cube(checkout.root / "results/cubes/claims.nc")
    assert set(cube["evidence"].values[cube["verdict"].values != 2].tolist()) == {"", "ising_1d"}
    assert (checkout.root / "results/claims/claims.md").read_text().startswith("# Claims")

    (checkout.root / "workflow/claims/own.yaml").open("a").write("# a comment, which counts: the files are compared\n")
    assert checkout.plan("study_claims") == DECIDED
    checkout.run("study_claims")
    checkout.edit("studies/claims/quantities/maps.py")
    assert checkout.plan("study_claims") == DECIDED
