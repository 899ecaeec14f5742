import itertools

import pytest

from infoflow.errors import InfoflowError
from infoflow.studies.trainability.experiment import Experiment, GridPoint
from infoflow.studies.trainability.grid import Grid, expand_experiment


def experiment(**entry) -> dict:
    base = {"dataset": "digits", "architecture": "mlp", "sigma_w2": [1.0, 2.0], "sigma_b2": [0.05], "depth": [5, 10]}
    return base | {"truth": True, "truth_dataset": None, "highlight": None, "decisions": None} | entry


def grid(layout="wide", **experiments) -> Grid:
    return Grid({"experiments": experiments, "architectures": {"mlp": {"kind": "mlp", "layout": layout}}})


def test_one_probe_of_the_deepest_network_serves_all_depths():
    g = grid(a=experiment())
    assert [p.name for p in g.probes()] == ["w1.000000_b0.050000_d010", "w2.000000_b0.050000_d010"]
    assert len(g.trainings()) == 4
    assert g.probe_depth(GridPoint("digits", "mlp", 1.0, 0.05, 5)) == 10


def test_a_shrinking_network_is_probed_at_every_depth():
    assert len(grid("shrinking", a=experiment()).probes()) == 4


def test_experiments_share_their_points():
    g = grid(a=experiment(), b=experiment(sigma_w2=[2.0, 3.0], depth=[20], truth=False))
    assert {(p.sigma_w2, p.depth) for p in g.probes()} == {(1.0, 10), (2.0, 20), (3.0, 20)}
    assert {(p.sigma_w2, p.depth) for p in g.trainings()} == set(itertools.product([1.0, 2.0], [5, 10]))
    # each has those that it asks for
    assert {(p.sigma_w2, p.depth) for p in g.probes("a")} == {(1.0, 10), (2.0, 20)}
    assert {(p.sigma_w2, p.depth) for p in g.probes("b")} == {(2.0, 20), (3.0, 20)}
    assert g.trainings("b") == []
    assert g.probes("a", "b") == g.probes()


def test_the_truth_may_come_from_another_data_set():
    g = grid(a=experiment(dataset="white_noise", truth_dataset="mnist"))
    assert {p.dataset for p in g.trainings()} == {"mnist"}
    assert g.experiments["a"].truth == "mnist"
    assert g.datasets() == ["mnist", "white_noise"]


def test_experiments_of_one_data_set_may_have_different_truths():
    """Each has a cube of its own."""
    g = grid(a=experiment(truth_dataset="x"), b=experiment(truth_dataset="y"))
    assert [{p.dataset for p in g.trainings(name)} for name in "ab"] == [{"x"}, {"y"}]
    assert g.probes("a") == g.probes("b")


def test_the_depths_of_a_column_are_those_of_all_experiments():
    g = grid(
        a=experiment(),
        b=experiment(sigma_w2=[2.0, 3.0], depth=[7]),
        c=experiment(dataset="mnist", depth=[20], truth=False),
    )
    assert g.columns() == {
        "digits/mlp/w1.000000_b0.050000_d010": [5, 10],
        "digits/mlp/w2.000000_b0.050000_d010": [5, 7, 10],
        "digits/mlp/w3.000000_b0.050000_d007": [7],
    }


def test_the_explained_network_is_one_of_the_truth_and_need_not_be_on_the_grid():
    point = {"sigma_w2": 3, "sigma_b2": 0.1, "depth": 7}
    g = grid(
        a=experiment(truth_dataset="mnist", decisions=point | {"images": 4}),
        b=experiment(dataset="mnist", decisions=point | {"images": 6}),
        c=experiment(truth=False),
    )
    a, b, c = g.experiments.values()
    assert a.explained == b.explained == GridPoint("mnist", "mlp", 3.0, 0.1, 7)
    assert c.explained is None
    assert Experiment(**vars(a)) == a
    assert len(g.trainings("a")) == 4
    with pytest.raises(InfoflowError, match="experiments.a.decisions.sigma_w2: .* decimals"):
        grid(a=experiment(decisions=point | {"sigma_w2": 1e-7, "images": 4}))


def test_without_a_choice_five_curves_are_drawn():
    drawn = expand_experiment("a", experiment(sigma_w2={"start": 0, "stop": 10, "step": 0.5})).highlight
    assert drawn == (0.0, 2.5, 5.0, 7.5, 10.0)
    assert expand_experiment("a", experiment(sigma_w2=[3.0, 1.0])).highlight == (1.0, 3.0)
    assert expand_experiment("a", experiment(highlight=[2.0])).highlight == (2.0,)
    with pytest.raises(InfoflowError, match="experiments.a.highlight: 1.5 is not among the values of sigma_w2"):
        grid(a=experiment(highlight=[1.5]))


def test_too_many_points_are_refused():
    many = {"start": 1, "stop": 2, "num": 1001}
    with pytest.raises(InfoflowError, match=r"experiments.b: 1001 x 1000 x 1 points, .* 1001004, are more than"):
        grid(a=experiment(), b=experiment(sigma_w2=many, sigma_b2={"start": 0, "stop": 9.99, "num": 1000}, depth=[1]))
