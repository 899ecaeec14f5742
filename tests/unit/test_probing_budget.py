import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
import xarray as xr

mpl.use("Agg")
import matplotlib.pyplot as plt

from infoflow import cubes
from infoflow.architectures import build_network
from infoflow.budget_cube import (
    TOLERANCE,
    draw_resamples,
    merge_budget,
    resampled_auroc,
    validate_budget_cube,
)
from infoflow.datasets import Images
from infoflow.errors import InfoflowError
from infoflow.evaluation import evaluate_probe
from infoflow.figures.probing_budget import draw
from infoflow.grid import encode
from infoflow.initialization import draw_gaussian
from infoflow.leaderboard import bootstrap
from infoflow.prepared import write_prepared
from infoflow.probing import probe_point
from infoflow.probing_budget import SCORES, measure_budget, probe_budget, reduce_probe
from infoflow.scoring import auroc
from infoflow.store import Result, read_result
from infoflow.study import read_study, write_study

OFFSET = 1e-12
MLP = {"kind": "mlp", "layout": "wide", "width": 8, "activation": "tanh", "head": []}
RUN = {"seed": 0, "replicas": 2, "precision": "float32"}
PROBES = {
    "adam": {"method": "adam", "epochs": 3, "batch_size": 8, "learning_rate": 0.01, "evaluation_samples": 12},
    "ridge": {"method": "ridge", "ridge_penalty": 1e-3, "ridge_samples": 30, "evaluation_samples": 12},
}
BUDGET = {"fractions": [0.1, 0.5, 1.0], "samples": [4, 12], "widths": [3, None]}
POINT = encode(1.5, 0.05, 4)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.nc"
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, 17, (n, 3, 4)).astype(np.uint8) for n in (40, 15)]
    write_prepared(path, Images(*pixels, np.arange(40) % 3, np.arange(15) % 3, 16), 0, {})
    return path


@pytest.fixture(scope="module")
def result(dataset, tmp_path_factory):
    return compute(dataset, tmp_path_factory.mktemp("budget"))


def compute(dataset, folder, point=POINT, architecture=MLP, budget=BUDGET, run=RUN) -> Result:
    path = folder / f"{point}.nc"
    probe_budget(dataset, path, point, architecture, PROBES, budget, OFFSET, run, 1, {})
    return read_result(path)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("method", list(PROBES))
def test_the_full_probe_is_that_of_the_experiment(dataset, tmp_path, method, precision):
    """The numbers of `probe_point` and `evaluate_probe`, to rounding."""
    run = RUN | {"precision": precision}
    found = compute(dataset, tmp_path, run=run)["layer_score"][list(PROBES).index(method), -1, -1, -1]
    probe_point(dataset, tmp_path / "probe.nc", POINT, MLP, PROBES[method], run, 1, {})
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


def test_a_replica_has_no_scores_from_the_layer_on_that_is_not_finite():
    blocks = build_network(MLP, (3, 4), 3, 3).blocks
    images = torch.rand(20, 3, 4, generator=torch.Generator().manual_seed(0))
    frozen = draw_gaussian([b.forward for b in blocks], 1.5, 0.05, 0, "frozen", range(2))
    frozen[1]["weight"][1] = math.nan
    found = measure_budget(
        blocks, frozen, images, images, PROBES["adam"],
        fractions=[0.5, 1.0], samples=[4, 20], offset=OFFSET, seed=0, replicas=range(2),
    )  # fmt: skip
    assert np.isfinite(found.scores[:, :, 0]).all()
    assert np.isfinite(found.scores[:, :, 1, 0]).all()
    assert np.isnan(found.scores[:, :, 1, 1:]).all()


WEIGHTS, DEPTHS, REPLICAS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0), (2, 4, 6, 8), 3
AXES = {"sigma_w2": WEIGHTS, "sigma_b2": [0.05], "depth": DEPTHS}
LIMITS = dict(zip(WEIGHTS, (2, 4, 8, 6, 4, 2)))


def write_truth() -> xr.Dataset:
    """What the study uses of a cube of `merge_cube`; trainable up to a depth for every σ_w²."""
    labels = np.array([[[[int(d <= LIMITS[w])] * REPLICAS for d in DEPTHS]] for w in WEIGHTS], np.int8)
    return xr.Dataset(
        {
            "trainable": (("sigma_w2", "sigma_b2", "depth", "replica"), labels),
            "train_seconds": (("sigma_w2", "sigma_b2", "depth"), np.full(labels.shape[:-1], 10.0)),
        },
        {**{name: list(values) for name, values in AXES.items()}, "replica": np.arange(REPLICAS)},
    )


def synthetic(noise: np.ndarray, seed=0) -> dict[str, Result]:
    """Results of 8 layers whose scores know the limit up to noise [method, width, fraction, samples]; costs by hand."""
    rng = np.random.default_rng(seed)
    shape = noise.shape
    cost = np.ones(shape) * [1, 3] + 4 * np.arange(shape[2])[:, None]  # 1 3, 5 7, 9 11
    results = {}
    for w in WEIGHTS:
        known = LIMITS[w] - np.arange(1, 9) + 0.5  # positive where trainable
        scores = known[:, None] + noise[..., None, None, None] * rng.standard_normal((*shape, REPLICAS, 8, 3))
        results[encode(w, 0.05, 8)] = Result(
            {
                "width": np.array([4, 8]),
                "layer_score": scores.astype(np.float32),
                "fit_seconds": np.zeros(shape[:3]),
                "compose_seconds": cost / len(WEIGHTS) / 2,
                "evaluate_seconds": cost / len(WEIGHTS) / 2,
                "steps": np.array([[1, 5, 10]]),
                "training_images": np.array([[10, 20, 40]]),
            },
            {},
        )
    return results


def merge(results, truth=None, **changes) -> xr.Dataset:
    options = {"axes": AXES, "methods": ["adam"], "budget": {"fractions": [0.1, 0.5, 1.0], "samples": [4, 12]}}
    options |= {"seed": 0, "attributes": {"experiment": "digits"}}
    return merge_budget(results, write_truth() if truth is None else truth, **(options | changes))


# [method, width, fraction, samples]: narrow networks know nothing, a tenth of the steps little
NOISE = np.array([[[[60.0, 60.0]] * 3, [[3.0, 3.0], [0.0, 0.0], [0.0, 0.0]]]])


@pytest.fixture(scope="module")
def cube():
    return merge(synthetic(NOISE))


def test_the_scores_are_joined_with_the_last_hidden_layer_of_every_depth():
    results = synthetic(NOISE)
    cube = merge(results)
    for w in WEIGHTS:
        for depth in DEPTHS:
            found = cube["prediction_score"].sel(sigma_w2=w, sigma_b2=0.05, depth=depth).values
            expected = np.moveaxis(results[encode(w, 0.05, 8)]["layer_score"][..., depth - 1, :], 4, 0)
            np.testing.assert_array_equal(found, expected)


def test_networks_that_are_probed_per_depth_are_joined_with_their_own_probe():
    deepest = synthetic(NOISE)
    shallow = {
        encode(w, 0.05, 4): Result(r.variables | {"layer_score": r["layer_score"][..., :4, :] + 1}, {})
        for w, r in zip(WEIGHTS, deepest.values())
    }
    own, cube = merge(deepest | shallow)["prediction_score"], merge(deepest)["prediction_score"]
    np.testing.assert_allclose(own.sel(depth=[2, 4]), cube.sel(depth=[2, 4]) + 1, rtol=1e-5)
    np.testing.assert_array_equal(own.sel(depth=[6, 8]), cube.sel(depth=[6, 8]))


def test_the_cheapest_sufficient_setting_is_found(cube):
    """Half of the steps, few samples: at 5 seconds of 11."""
    full = cube.isel(width=-1, fraction=-1, samples=-1)
    assert (full["auroc"] == 1).all()
    for name, expected in (("width", 8), ("fraction", 0.5), ("samples", 4)):
        assert (cube[f"cheapest_{name}"] == expected).all(), name
    np.testing.assert_allclose(cube["cheapest_relative_cost"], 5 / 11, rtol=1e-6)
    np.testing.assert_allclose(cube["training_cost"].isel(width=-1, fraction=-1, samples=-1), 11 / 240, rtol=1e-6)
    assert (cube["sufficient"].sel(width=8, fraction=[0.5, 1.0]) == 1).all()
    assert (cube["sufficient"].sel(width=4) == 0).all()
    assert (cube["sufficient_share"].sel(width=8, fraction=0.5) == 1).all()
    loss = (full["auroc"] - cube["auroc"]).transpose(*cube["auroc_loss"].dims)
    np.testing.assert_allclose(cube["auroc_loss"], loss, atol=1e-12)


def test_the_confident_choice_costs_no_less(cube):
    little = NOISE.copy()
    little[:, 1, 0] = little[:, 1, 1] = (
        1.2  # some errors, by which it is unsure whether it loses less than the tolerance
    )
    found = merge(synthetic(little), seed=1)
    estimate, confident = (found["cheapest_relative_cost"].sel(criterion=c) for c in ("estimate", "confident"))
    assert (confident >= estimate).all()
    loss = found["auroc_loss"]
    assert (found["auroc_loss_low"] <= loss + 1e-12).all()
    assert (found["auroc_loss_high"] >= loss - 1e-12).all()
    high = found["auroc_loss_high"].values <= TOLERANCE + 1e-9
    assert (found["sufficient"].sel(criterion="confident").values == high).all()
    low, high = (found[f"cheapest_relative_cost_{end}"].sel(criterion="estimate") for end in ("low", "high"))
    assert (low <= high).all()


def test_the_full_probe_loses_nothing_in_any_resample(cube):
    full = cube.isel(width=-1, fraction=-1, samples=-1)
    for name in ("auroc_loss", "auroc_loss_low", "auroc_loss_high"):
        assert (full[name] == 0).all()


def test_intervals_are_those_of_the_leaderboard(cube):
    one = cube.isel(probe_method=0, width=0, fraction=1, samples=0, score=2)
    scores = one["prediction_score"].values.reshape(-1, REPLICAS)
    labels = one["trainable"].values.reshape(-1, REPLICAS)
    expected = bootstrap(lambda s, t: auroc(s, t == 1), scores, labels.astype(float), np.random.default_rng([0, 0]))
    found = float(one["auroc"]), float(one["auroc_low"]), float(one["auroc_high"])
    assert found == pytest.approx((expected.value, expected.low, expected.high), abs=1e-12)


def test_resampled_areas_are_those_of_the_drawn_networks():
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 4, (7, 2)).astype(float)  # with ties
    scores[0, 0], scores[1, 1], scores[2, 0] = np.nan, np.inf, -np.inf
    labels = rng.integers(-1, 2, (7, 2))
    rows, columns = draw_resamples(7, 2, np.random.default_rng(4), 20)
    found = resampled_auroc(scores, labels, rows, columns)
    generator = np.random.default_rng(4)
    for value in found:
        drawn = np.ix_(generator.integers(7, size=7), generator.integers(2, size=2))
        known = (labels[drawn] >= 0) & ~np.isnan(scores[drawn])
        assert value == pytest.approx(auroc(scores[drawn][known], labels[drawn][known] == 1), nan_ok=True)
    assert np.isfinite(found).any()


def test_a_setting_that_judges_fewer_networks_is_not_sufficient():
    results = synthetic(NOISE)
    some = results[encode(1.5, 0.05, 8)]
    some["layer_score"][0, 1, 1, 0, 0, 5] = np.nan  # the cheapest, of one network of depth 6
    cube = merge(results)
    assert (cube["networks"].sel(width=8, fraction=0.5, samples=4) == 6 * 4 * 3 - 1).all()
    assert (cube["sufficient"].sel(width=8, fraction=0.5, samples=4) == 0).all()
    assert (cube["cheapest_samples"] == 12).all()


def test_without_both_classes_nothing_is_told():
    truth = write_truth()
    truth["trainable"][:] = 1
    cube = merge(synthetic(NOISE), truth)
    assert (cube["sufficient"] == -1).all()
    assert (cube["cheapest_width"] == 0).all()
    assert cube["cheapest_relative_cost"].isnull().all()
    figure = draw(cube)
    figure.draw_without_rendering()
    plt.close(figure)


def test_settings_that_were_not_computed_are_undefined():
    results = synthetic(NOISE)
    for result in results.values():
        result["layer_score"][:, 0, :2, 1] = np.nan
        result["compose_seconds"][:, 0, :2, 1] = np.nan
    cube = merge(results)
    part = cube.isel(width=0, fraction=[0, 1], samples=1)
    assert (part["sufficient"] == -1).all()
    assert part["relative_cost"].isnull().all()
    assert (part["networks"] == 0).all()
    assert (cube["cheapest_fraction"] == 0.5).all()


def test_results_that_do_not_belong_together_are_refused():
    with pytest.raises(InfoflowError, match="no results to merge"):
        merge({})
    results = synthetic(NOISE)
    with pytest.raises(InfoflowError, match=r"no probe of depth 2 at 4.0, 0.05"):
        merge(dict(list(results.items())[:-1]))
    odd = results[encode(4.0, 0.05, 8)]
    with pytest.raises(InfoflowError, match="their widths differ"):
        merge(results | {encode(4.0, 0.05, 8): Result(odd.variables | {"width": np.array([5, 8])}, {})})


def test_the_cube_is_read_as_it_was_written_and_says_what_it_holds(cube, tmp_path):
    write_study(cube, tmp_path / "cube.nc", "merge_probing_budget")
    read = read_study(tmp_path / "cube.nc")
    validate_budget_cube(read)
    xr.testing.assert_equal(read, cube)
    assert read.attrs["tolerance"] == TOLERANCE
    with pytest.raises(InfoflowError, match="auroc is missing"):
        validate_budget_cube(read.drop_vars("auroc"))


def test_the_scores_are_those_of_the_cubes():
    assert (*SCORES, "saturation_depth") == cubes.SCORES  # which is of all layers together


def test_the_figure_marks_and_names_the_cheapest(cube):
    figure = draw(cube)
    assert len([ax for ax in figure.axes if ax.get_title()]) == 3
    for ax in figure.axes:
        assert "★ width 8, 1/2 steps, 4 samples: cost 0.45" in ax.get_title()
        star = next(line for line in ax.lines if line.get_marker() == "*")
        assert star.get_xydata()[0] == pytest.approx([5 / 11, 1.0])
    figure.draw_without_rendering()
    plt.close(figure)
