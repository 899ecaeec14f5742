"""What a summary is made of."""

from common import ROOT, changed_config, load_config
from infoflow.jobs.record import mark
from infoflow.plan import Plan
from infoflow.studies.summary.plan import FOUND, LINES, PAGE


def test_it_reads_judged_cubes_claims_and_what_all_figures_say():
    plan = Plan(load_config(), ROOT)
    study = plan.of["summary"]
    inputs = study.inputs()
    assert inputs["cubes"] == ["results/cubes/digits.nc"]
    assert inputs["claims"] == ["results/cubes/claims.nc"]
    assert inputs["captions"] == [f for f in plan.figure_files() if f.endswith(".json")]
    assert {PAGE, LINES, FOUND} < {*plan.pages()}
    assert study.parameters["cubes"] == {"digits": mark(plan.cubes["digits"])}
    assert study.parameters["links"]["explorer"] == "explorer.html"
    assert {"kernel", "theory", "adam"} <= {*study.parameters["methods"]}


def test_it_is_of_what_was_chosen():
    plan = Plan(changed_config(run__studies=["ising"]), ROOT)
    assert plan.pages() == [PAGE, LINES, FOUND]
    inputs = plan.of["summary"].inputs()
    assert (inputs["cubes"], inputs["claims"]) == ([], [])
    assert all("/ising_" in f for f in inputs["captions"])
    assert set(plan.of["summary"].parameters["links"]) == {"figures", "cubes"}
