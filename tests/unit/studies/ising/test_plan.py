"""What the config says of the Ising models."""

import copy
import re

import pytest

from common import ROOT
from infoflow.errors import InfoflowError
from infoflow.plan import Plan
from infoflow.studies.ising.plan import Ising


def planned(run=None, **ising) -> Ising:
    """The plan of section `ising`, whose values are given like chain__steps=3."""
    section: dict = {}
    for path, value in ising.items():
        part, _, key = path.partition("__")
        section.setdefault(part, {})[key] = value
    return Plan({"run": run or {}, "ising": section}, ROOT).of["ising"]


def test_a_cube_per_dimension_is_merged_from_its_lattice_and_that_of_two_from_samples_too():
    study = planned(run={"name": "mine", "seed": 5}, monte_carlo__couplings=[0.5, 0.44])
    assert study.merge_inputs("1d") == {"exact": "results/ising_exact/chain.nc", "samples": []}
    assert study.merge_inputs("2d") == {
        "exact": "results/ising_exact/square.nc",
        "samples": ["results/ising_monte_carlo/k0.440000.nc", "results/ising_monte_carlo/k0.500000.nc"],
    }
    chain, square = (study.cubes()[name] for name in ("ising_1d", "ising_2d"))
    assert (chain["exact"], square["exact"]) == (study.exact("chain"), study.exact("square"))
    assert "samples" not in chain
    assert square["samples"] == study.samples()
    assert study.samples()["seed"] == 5
    assert chain["title"] == "mine"
    assert len({chain["code"], chain["exact"]["code"], square["samples"]["code"]}) == 3
    assert study.targets() == {"study_ising": ["ising_1d", "ising_2d"]}


def test_results_depend_on_the_options_of_their_section():
    study = planned(chain__steps=3, chain__spins=None, square__strip_widths=[4, 8], monte_carlo__sides=[4])
    assert study.exact("chain")["section"] == "chain"
    assert set(study.exact("chain")["options"]) == {"couplings", "steps", "spins"}
    assert set(study.exact("square")["options"]) == {"couplings", "steps", "enumerated_side", "strip_widths"}
    # a coupling is a job of its own
    assert study.samples()["options"] == {
        "sides": [4], "algorithm": "wolff", "sweeps": 2000, "equilibration": 200, "replicas": 4
    }  # fmt: skip
    assert study.exact("chain")["options"]["spins"] is None
    assert study.exact("square")["options"]["strip_widths"] == [4, 8]


def test_couplings_that_are_drawn_are_computed():
    study = planned(square__couplings={"start": 0.2, "stop": 0.4, "step": 0.1}, square__highlight=[0.25, 0.3])
    assert study.exact("square")["options"]["couplings"] == [0.2, 0.25, 0.3, 0.4]
    assert study.merge("2d")["highlight"] == [0.25, 0.3]
    assert study.merge_inputs("2d")["samples"][0] == "results/ising_monte_carlo/k0.300000.nc"


def test_a_cube_comes_from_its_own_sections():
    other = {"chain__steps": 3}, {"monte_carlo__sweeps": 100}, {"square__highlight": [0.4, 0.440687]}
    before, (chain, samples, square) = planned(), (planned(**one) for one in other)
    assert set(before.merge("1d")["config"]["ising"]) == {"chain"}
    assert set(before.merge("2d")["config"]["ising"]) == {"square", "monte_carlo"}
    assert chain.merge("1d") != before.merge("1d")
    assert chain.merge("2d") == before.merge("2d")
    for one in (samples, square):
        assert one.merge("1d") == before.merge("1d")
        assert one.merge("2d") != before.merge("2d")
    assert square.exact("square") == before.exact("square")


def test_the_config_of_a_cube_makes_it_again():
    study = planned(run={"seed": 3}, chain__steps=3, monte_carlo__sides=[6])
    for dimension in ("1d", "2d"):
        again = Plan(copy.deepcopy(study.merge(dimension)["config"]), ROOT).of["ising"]
        assert again.merge(dimension) == study.merge(dimension)


def test_every_figure_is_drawn_of_the_cube_of_its_dimension():
    figures = planned().figures()
    assert [figure.name for figure in figures] == list(Ising.FIGURES)
    for figure in figures:
        assert figure.of == ["ising_1d" if figure.name.endswith("1d") else "ising_2d"]
        assert (ROOT / f"workflow/src/infoflow/studies/ising/figures/{figure.name}.py").exists()
        assert figure.inputs(figure.of[0]) == {"cube": f"results/cubes/{figure.of[0]}.nc"}
        assert figure.files("ising_1d") == (
            [f"results/figures/ising_1d/{figure.name}.{suffix}" for suffix in ("png", "pdf", "json")]
            if figure.name.endswith("1d")
            else []
        )


def test_null_switches_the_study_off():
    entropy = {"dataset": "digits", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}
    study = Plan({"ising": None, "network_entropy": {"other": entropy}}, ROOT).of["ising"]
    assert (study.active, study.cubes(), study.figures()) == (False, {}, [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chain__coupling": [1]}, "ising.chain.coupling: unknown key; did you mean couplings"),
        ({"chain__couplings": [0.0]}, "ising.chain.couplings[0]: 0.0"),
        ({"chain__couplings": [-1.0]}, "ising.chain.couplings[0]: -1.0"),
        ({"chain__couplings": {"start": 0, "stop": 1, "num": 3}}, "ising.chain.couplings.start: 0"),
        ({"chain__highlight": [0.1234567]}, "ising.chain.highlight: 0.1234567 has more than 6 decimals"),
        ({"chain__spins": 100}, "spins: a ring of 100 cannot be decimated 8 times; 256 must divide it"),
        ({"square__enumerated_side": 6}, "ising.square.enumerated_side: 6"),
        ({"square__strip_widths": [4, 14]}, "ising.square.strip_widths[1]: 14"),
        ({"square__strip_widths": [4, 5]}, "ising.square.strip_widths[1]: 5"),
        ({"monte_carlo__sides": [7]}, "ising.monte_carlo.sides[0]: 7"),
        ({"monte_carlo__couplings": [0.4, 0.4]}, "monte_carlo.couplings: 0.4 and 0.4 would have the same file"),
        ({"monte_carlo__algorithm": "glauber"}, "ising.monte_carlo.algorithm: 'glauber'"),
        ({"monte_carlo__sweeps": 5}, "ising.monte_carlo.sweeps: 5"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_that_names_the_key(change, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        planned(**change)
    assert "\n" not in str(refusal.value)
