"""Searches of the boundary: where they train, when they have enough, and that nothing is trained twice."""

import numpy as np
import pytest

from common import ARCHITECTURES
from infoflow.errors import InfoflowError
from infoflow.files.conventions import MISSING, OK
from infoflow.files.names import encode
from infoflow.files.results import read_result, write_result
from infoflow.jobs.record import describe_job
from infoflow.studies.trainability import trained
from infoflow.studies.trainability.search_boundary import Search, guess_depth, search_boundary
from infoflow.studies.trainability.train_network import train_network
from jobs import make_job

DEPTHS = (5, 10, 15, 20, 30, 40)
ENOUGH = {"resolution": 0.1, "confidence": 0.9}


def search(limit, guess, depths=DEPTHS, replicas=3, outcome=None):
    """A search of a boundary that is sharp, unless outcomes are given; with the trainings in their order."""
    found, asked = Search(depths, replicas, guess, **ENOUGH), []

    def train(d, replica):
        asked.append((depths[d], replica))
        return outcome(depths[d], replica) if outcome else depths[d] <= limit

    found.run(train)
    return found, asked


@pytest.mark.parametrize("limit", [0, *DEPTHS])
@pytest.mark.parametrize("guess", [2.0, 12.0, 35.0, 200.0])
def test_a_sharp_boundary_is_found_wherever_the_guess(limit, guess):
    found, asked = search(limit, guess)
    assert found.posterior.of_counts.argmax() == sum(d <= limit for d in DEPTHS)
    assert len(set(asked)) == len(asked), "no network is trained twice"
    assert len(asked) <= 10, "of 18 networks"


def test_a_good_guess_saves_trainings():
    depths = tuple(range(2, 62, 2))

    def cost(guess):
        return np.mean([sum(d for d, _ in search(limit, guess(limit), depths)[1]) for limit in (7, 15, 30, 45)])

    assert cost(lambda limit: limit) < 0.95 * cost(lambda limit: 400 / limit)


def test_of_many_depths_few_are_trained():
    depths = tuple(range(2, 62, 2))
    found, asked = search(23, 20.0, depths)
    assert abs(int(found.posterior.of_counts.argmax()) - 11) <= 1
    assert len(asked) < len(depths) / 2


def test_a_column_that_is_not_monotone_is_found_out():
    """The check away from the boundary finds networks that cannot be trained, and trains their replicas, too."""
    found, asked = search(30, 30.0, outcome=lambda depth, replica: depth in (20, 30))
    d = DEPTHS.index(15)
    checked = [i for i, depth in enumerate(DEPTHS) if depth < 20 and found.trained[i]]
    assert checked, asked
    assert any(found.trained[i] == 3 and not found.good[i] for i in checked) or found.trained[d]


def test_replicas_of_neighbouring_depths_are_other_ones():
    _, asked = search(20, 20.0)
    first = {}
    for depth, replica in asked:
        first.setdefault(depth, replica)
    assert len(set(first.values())) > 1


# --- the job

TRAIN = {
    "epochs": 2,
    "batch_size": 8,
    "optimizer": "sgd",
    "learning_rate": [0.05, 0.2],
    "momentum": 0.0,
    "readout": "logits",
    "success_accuracy": 0.3,
    "stop": "success",
}
RUN = {"seed": 3, "replicas": 2, "draws": "independent", "precision": "float64"}
POINT = "w1.500000_b0.050000_d004"


@pytest.fixture
def job(prepared, tmp_path):
    """The job of a column of three depths; its probe says that H falls behind layer 3."""
    dataset, data = prepared
    training = {"architecture": ARCHITECTURES["mlp"], "train": TRAIN, "run": RUN, "data": data, "code": "abc"}
    entropy = np.array([[-3.0, -3.0, -3.1, -9.0]] * 2, np.float32)
    variables = {
        "differential_entropy": (("replica", "layer"), entropy, {}),
        "probe_status": (("replica", "layer"), np.zeros((2, 4), np.int8), {}),
    }
    write_result(tmp_path / f"{POINT}.nc", variables, describe_job("probe_kernel", {"code": "probe"}))
    parameters = {
        "training": training,
        "truth": "digits/mlp",
        "depths": [1, 2, 4],
        "search": ENOUGH,
        "made_by": {"code": "probe"},
        "run": RUN,
        "data": data,
        "code": "def",
    }
    inputs = {"dataset": dataset, "probe": [tmp_path / f"{POINT}.nc"]}
    output = tmp_path / "results/search_boundary/own" / f"{POINT}.nc"
    return make_job(parameters, output, inputs, {"point": POINT}, "search_boundary")


def count_trainings(monkeypatch):
    counted = []
    real = trained.train_at_rates

    def train(network, ensemble, *rest, **options):
        counted.extend((len(network.blocks), r) for r in ensemble.replicas)
        return real(network, ensemble, *rest, **options)

    monkeypatch.setattr(trained, "train_at_rates", train)
    return counted


def test_the_result_holds_all_networks_that_were_trained(job, monkeypatch):
    counted = count_trainings(monkeypatch)
    search_boundary(job)
    found = read_result(job.output, job.parameters)
    assert found["depth"].tolist() == [1, 2, 4]
    assert found["accuracy"].shape == (3, 2, 2, 2)
    assert found.attributes["guess"] == 3
    order = {int(found["order"][d, r]): ((1, 2, 4)[d], r) for d, r in np.argwhere(found["order"] >= 0)}
    assert [order[k] for k in range(len(order))] == counted
    there = found["order"] >= 0
    assert (found["status"][there][:, 0] == OK).all()
    assert (found["status"][~there] == MISSING).all()
    assert np.isnan(found["accuracy"][~there]).all()
    assert (found["seconds"][there] > 0).all()


def test_a_search_that_was_killed_goes_on_where_it_was(job, monkeypatch):
    counted = count_trainings(monkeypatch)
    search_boundary(job)
    first, whole = list(counted), read_result(job.output)
    counted.clear()
    kept = sorted((job_results(job) / "trained/digits/mlp").iterdir())
    assert len(kept) == len(first)
    kept[0].unlink()
    kept[1].write_bytes(kept[1].read_bytes()[:-9])  # cut off while it was written: not by us, who rename
    search_boundary(job)
    assert len(counted) == 2
    again = read_result(job.output)
    np.testing.assert_array_equal(again["accuracy"], whole["accuracy"])


def test_networks_of_other_settings_are_not_taken(job, monkeypatch):
    counted = count_trainings(monkeypatch)
    search_boundary(job)
    counted.clear()
    job.parameters["training"] = {**job["training"], "train": TRAIN | {"learning_rate": [0.1]}}
    search_boundary(job)
    assert counted


def test_full_trainings_and_searches_share_their_networks(job, monkeypatch):
    """Whichever is first; and what is taken equals what would be trained, up to how many are trained at once."""
    counted = count_trainings(monkeypatch)
    search_boundary(job)
    first = list(counted)
    counted.clear()
    results = job_results(job)
    for depth in (1, 2, 4):
        name = encode(1.5, 0.05, depth)
        output = results / "train_network/digits/mlp" / f"{name}.nc"
        whole = make_job(job["training"], output, job.inputs, {"point": name}, "train_network")
        train_network(whole)
    assert sorted([*first, *counted]) == [(d, r) for d in (1, 2, 4) for r in range(2)]
    taken = {d: read_result(results / f"train_network/digits/mlp/{encode(1.5, 0.05, d)}.nc") for d in (1, 2, 4)}
    searched = read_result(job.output)
    for d, r in np.argwhere(searched["order"] >= 0):
        np.testing.assert_array_equal(taken[(1, 2, 4)[d]]["accuracy"][r], searched["accuracy"][d, r])
    counted.clear()
    for file in (results / "trained/digits/mlp").iterdir():
        file.unlink()
    search_boundary(job)
    assert counted == []


def test_probes_of_every_depth_are_read_in_units_of_the_depth(job, tmp_path):
    """Of networks of three layers per unit: H falls behind 2/3 of the deeper one."""
    paths = []
    for depth, entropy in ((2, [-3.0] * 6), (4, [-3.0] * 8 + [-9.0] * 4)):
        variables = {
            "differential_entropy": (("replica", "layer"), np.array([entropy] * 2, np.float32), {}),
            "probe_status": (("replica", "layer"), np.zeros((2, len(entropy)), np.int8), {}),
        }
        paths.append(str(tmp_path / f"{encode(1.5, 0.05, depth)}.nc"))
        write_result(paths[-1], variables, describe_job("probe_kernel", {"code": "probe"}))
    job.inputs["probe"] = paths
    assert guess_depth(job, [1, 2, 4]) == pytest.approx(4 * 2 / 3)


def test_a_probe_of_other_settings_is_refused(job):
    job.parameters["made_by"] = {"code": "another"}
    with pytest.raises(InfoflowError, match="made with code = probe, not another"):
        search_boundary(job)


def job_results(job):
    from pathlib import Path

    return Path(job.output).parents[2]
