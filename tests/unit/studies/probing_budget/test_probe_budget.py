"""The job that probes with parts of a budget."""

import json
import math

import numpy as np
import pytest
import torch

from infoflow.architectures.build import build_network
from infoflow.datasets.images import Images
from infoflow.datasets.prepared import write_prepared
from infoflow.engine.initialization import Ensemble
from infoflow.errors import InfoflowError
from infoflow.files.names import encode
from infoflow.files.results import Result, read_result
from infoflow.jobs.record import describe_job
from infoflow.studies.probing_budget.about import PROBED
from infoflow.studies.probing_budget.probe_budget import Share, measure_budget, probe_budget, reduce_probe
from infoflow.studies.trainability.evaluate_kl import evaluate_probe
from infoflow.studies.trainability.probe_cascade import probe_cascade
from jobs import make_job

OFFSET = 1e-12
MLP = {"kind": "mlp", "layout": "wide", "width": 8, "activation": "tanh", "head": []}
RUN = {"seed": 0, "replicas": 2, "draws": "independent", "precision": "float32"}
PROBES = {
    "adam": {"method": "adam", "epochs": 3, "batch_size": 8, "learning_rate": 0.01, "evaluation_samples": 12},
    "ridge": {"method": "ridge", "ridge_penalty": 1e-3, "ridge_samples": 30, "evaluation_samples": 12},
}
BUDGET = {"fractions": [0.1, 0.5, 1.0], "samples": [4, 12], "widths": [3, None]}
DATA = {"options": {"kind": "tiny"}, "seed": 0}
PARAMETERS = {"architecture": MLP, "probes": PROBES, "budget": BUDGET, "offset": OFFSET, "run": RUN, "data": DATA}
POINT = encode(1.5, 0.05, 4)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.nc"
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 17, (n, 3, 4)).astype(np.uint8) for n in (40, 15)]
    images = Images(*pixels, np.arange(40) % 3, np.arange(15) % 3, 16)
    write_prepared(path, images, 0, describe_job("prepare_dataset", DATA))
    return path


@pytest.fixture(scope="module")
def result(dataset, tmp_path_factory):
    return compute(dataset, tmp_path_factory.mktemp("budget"))


def compute(dataset, folder, **changes) -> Result:
    path = folder / f"{POINT}.nc"
    probe_budget(make_job(PARAMETERS | changes, path, {"dataset": dataset}, {"point": POINT}))
    return read_result(path)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("method", list(PROBES))
def test_the_full_probe_is_that_of_the_experiment(dataset, tmp_path, method, precision):
    """The numbers of `probe_cascade` and `evaluate_probe`, to rounding."""
    run = RUN | {"precision": precision}
    found = compute(dataset, tmp_path, run=run)["layer_score"][list(PROBES).index(method), -1, -1, -1]
    parameters = {"architecture": MLP, "probe": PROBES[method], "run": run, "data": DATA}
    probe_cascade(make_job(parameters, tmp_path / "probe.nc", {"dataset": dataset}, {"point": POINT}))
    expected = evaluate_probe(read_result(tmp_path / "probe.nc"), OFFSET, 0.005)
    for s, (name, sign, pick) in enumerate(
        [("differential_entropy", 1, ...), ("explained_variance", 1, ...), ("relative_entropy", -1, (..., 2))]
    ):
        np.testing.assert_allclose(found[..., s], sign * expected[name][1][pick], rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_narrower_network_is_that_of_the_architecture_of_this_width(dataset, result, tmp_path):
    alone = compute(dataset, tmp_path, architecture=MLP | {"width": 3}, budget=BUDGET | {"widths": [None]})
    assert result["width"].tolist() == [3, 8]
    assert alone["width"].tolist() == [3]
    np.testing.assert_allclose(result["layer_score"][:, 0, -1], alone["layer_score"][:, 0, -1], rtol=1e-5, atol=1e-6)
    few = np.s_[:, 0, :, :1]  # the most samples are left out where steps are left out too
    np.testing.assert_allclose(result["layer_score"][few], alone["layer_score"][few], rtol=1e-5, atol=1e-6)


def test_what_is_left_out_is_not_a_number_and_nothing_else(result):
    missing = np.isnan(result["layer_score"]).all((0, 4, 5, 6))
    assert np.isnan(result["layer_score"]).any((0, 4, 5, 6)).tolist() == missing.tolist()
    expected = np.zeros((2, 3, 2), bool)  # [width, fraction, samples]
    expected[0, :2, 1] = True
    assert missing.tolist() == expected.tolist()
    for name in ("compose_seconds", "evaluate_seconds"):
        assert np.isnan(result[name][0]).tolist() == expected.tolist()
    assert (result["fit_seconds"] > 0).all()


def test_fewer_samples_are_the_first_ones(dataset, result):
    """With those samples alone."""
    budget = BUDGET | {"samples": [4]}
    found = compute(dataset, dataset.parent, budget=budget)["layer_score"]
    np.testing.assert_allclose(found[:, -1, :, 0], result["layer_score"][:, -1, :, 0], rtol=1e-5, atol=1e-6)


def test_a_result_says_what_it_is_and_what_made_it(result):
    assert set(result.variables) == set(PROBED)
    assert json.loads(result.attributes["parameters"]) == PARAMETERS
    assert (result.attributes["device"], result.attributes["precision"], result.attributes["rule"]) == (
        "CPU" if not torch.cuda.is_available() else torch.cuda.get_device_name(),
        "float32",
        "job",
    )


@pytest.mark.parametrize("fraction", [0.01, 0.0333, 0.1, 1 / 3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("epochs", "number"), [(20, 1437), (1, 60000), (3, 40)])
def test_the_steps_of_adam_are_the_fraction(fraction, epochs, number):
    options = PROBES["adam"] | {"epochs": epochs, "batch_size": 8}
    images = torch.arange(number)
    part, fewer = reduce_probe(options, images, fraction, 0)
    shown = fewer["epochs"] * len(part)
    assert shown == pytest.approx(fraction * epochs * number, abs=fewer["epochs"] / 2 + 1)
    assert fewer["epochs"] == max(1, math.ceil(fraction * epochs))
    steps = fewer["epochs"] * math.ceil(len(part) / 8)
    # one batch of every epoch is not whole
    assert steps == pytest.approx(fraction * epochs * math.ceil(number / 8), abs=fewer["epochs"] + 1)
    assert len(part.unique()) == len(part)


def test_everything_is_left_as_it_is_at_fraction_one_and_less_is_part_of_more():
    images = torch.arange(200)
    whole, options = reduce_probe(PROBES["adam"], images, 1.0, 0)
    assert whole is images
    assert options == PROBES["adam"]
    less, more = (reduce_probe(PROBES["adam"] | {"epochs": 1}, images, f, 0)[0].tolist() for f in (0.2, 0.7))
    assert set(less) < set(more)
    assert less != sorted(less)  # a choice at random, not the first ones
    other = reduce_probe(PROBES["adam"] | {"epochs": 1}, images, 0.2, 1)[0].tolist()
    assert other != less


def test_ridge_regression_takes_a_fraction_of_its_samples():
    images = torch.arange(200)
    assert reduce_probe(PROBES["ridge"], images, 1.0, 0)[1]["ridge_samples"] == 30
    assert reduce_probe(PROBES["ridge"], images, 0.1, 0)[1]["ridge_samples"] == 3
    assert reduce_probe(PROBES["ridge"], images[:20], 0.5, 0)[1]["ridge_samples"] == 10
    assert reduce_probe(PROBES["ridge"], images, 0.001, 0)[1]["ridge_samples"] == 2


def test_what_was_done_is_recorded(result):
    assert result["steps"].tolist() == [[2, 8, 15], [1, 1, 1]]  # ⌈12/8⌉, 2⌈30/8⌉, 3⌈40/8⌉
    assert result["training_images"].tolist() == [[12, 30, 40], [3, 15, 30]]


def test_a_width_that_is_not_narrower_is_refused(dataset, tmp_path):
    with pytest.raises(InfoflowError, match="12 is not narrower than the experiment's own networks of 12"):
        compute(dataset, tmp_path, architecture=MLP | {"width": None}, budget=BUDGET | {"widths": [12, None]})


def test_a_data_set_that_was_made_otherwise_is_refused(dataset, tmp_path):
    with pytest.raises(InfoflowError, match=r"images\.nc: made with seed = 0, not 1"):
        compute(dataset, tmp_path, data=DATA | {"seed": 1})


def test_a_replica_has_no_scores_from_the_layer_on_that_is_not_finite():
    blocks = build_network(MLP, (3, 4), 3, 3).blocks
    images = torch.rand(20, 3, 4, generator=torch.Generator().manual_seed(0))
    ensemble = Ensemble(1.5, 0.05, 0, range(2))
    frozen = ensemble.draw([b.forward for b in blocks])
    frozen[1]["weight"][1] = math.nan
    share = Share(fractions=[0.5, 1.0], samples=[4, 20])
    found = measure_budget(blocks, frozen, images, images, PROBES["adam"], share, offset=OFFSET, ensemble=ensemble)
    assert np.isfinite(found.scores[:, :, 0]).all()
    assert np.isfinite(found.scores[:, :, 1, 0]).all()
    assert np.isnan(found.scores[:, :, 1, 1:]).all()
