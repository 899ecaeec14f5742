import json
import shutil

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from common import noisy_copies
from infoflow.errors import InfoflowError
from infoflow.files.conventions import DIVERGED, MISSING, OK
from infoflow.files.cubes import write_cube
from infoflow.files.names import encode
from infoflow.files.results import write_result
from infoflow.jobs.record import describe_job
from infoflow.reconstruction.cases import NOT_SATURATED, UNKNOWN
from infoflow.studies.trainability.cube import DIMENSIONS, read_trainability, validate_trainability
from infoflow.studies.trainability.merge_cube import merge_cube
from infoflow.studies.trainability.scores import MEAN_FIELD, MEASURES, at_depth
from infoflow.theory import architectures as theory
from infoflow.verdict.auroc import auroc
from jobs import make_job
from made_up import (
    CNN,
    COST,
    DEPTHS,
    IMAGE,
    MLP,
    REPLICAS,
    RESNET,
    SAMPLES,
    VGG16,
    WIDTHS,
    evaluation,
    merge,
    merge_images,
    scored,
    training,
)


@pytest.fixture(scope="module")
def results():
    widths = (0.5, 1.0, 1.8, 3.0)
    evaluations = {encode(w, 0.05, 6): evaluation(k, 6) for k, w in enumerate(widths)}
    trainings = {encode(w, 0.05, d): training(0.9 if w > 0.6 and d < 5 else 0.3) for w in widths for d in (2, 4, 6)}
    return evaluations, trainings


SCORED = {encode(w, 0.05, 8): scored(k) for k, w in enumerate((0.5, 1.0, 1.8, 3.0))}


@pytest.fixture(scope="module")
def cube(results):
    return merge(*results)


@pytest.fixture(scope="module")
def scored_cube(results):
    return merge(*results, predictors=SCORED)


def test_a_cube_keeps_the_schema_on_disk(scored_cube, tmp_path):
    write_cube(scored_cube, tmp_path / "a.nc", "merge_cube")
    again = read_trainability(tmp_path / "a.nc")
    xr.testing.assert_allclose(again, scored_cube)
    with xr.open_dataset(tmp_path / "a.nc") as plain:
        assert plain.attrs["Conventions"] == "CF-1.11"
        assert json.loads(plain.attrs["config"]) == {"a": 1}
        cost = json.loads(plain.attrs["cost"])
        assert cost.pop("merge_cube")["jobs"] == 1
        assert cost == COST
        assert plain["sigma_w"].values == pytest.approx(np.sqrt(plain["sigma_w2"].values))
        assert [d for d in DIMENSIONS if d in plain.dims] == list(DIMENSIONS)
        assert plain["differential_entropy"].dtype == np.float32


def test_values_are_where_they_belong(cube, results):
    here = cube.sel(sigma_w2=1.8, sigma_b2=0.05)
    assert np.array_equal(here["differential_entropy"], results[0]["w1.800000_b0.050000_d006"]["differential_entropy"])
    assert here["trainable"].values.tolist() == [[1, 1], [1, 1], [0, 0]]
    assert here["epochs_run"].values.tolist() == [[[3], [3]]] * 3
    assert float(here["train_seconds"].sum()) == 15


def test_predictions_are_scores_at_layer_equal_to_depth(cube):
    for depth in (2, 4, 6):
        here = cube.sel(depth=depth)
        scores = here["prediction_score"]
        assert np.array_equal(scores.sel(score="differential_entropy"), cube["differential_entropy"].sel(layer=depth))
        assert np.array_equal(
            scores.sel(score="negative_relative_entropy"), -cube["relative_entropy"].sel(layer=depth, quantile=0.5)
        )
        saturated = cube["saturation_depth"].sel(measure="relative_entropy_ratio", drop=True)
        unsaturated = cube["saturation_case"].sel(measure="relative_entropy_ratio", drop=True) == 2
        np.testing.assert_allclose(
            scores.sel(score="saturation_depth"), saturated.where(~unsaturated, np.inf) / depth, rtol=1e-6
        )
        expected = (6 * cube["xi_c"] / depth).broadcast_like(scores.sel(score="mean_field", drop=True))
        np.testing.assert_allclose(scores.sel(score="mean_field"), expected, rtol=1e-6)
    predicted = cube["predicted_trainable"].sel(score="mean_field")
    assert np.array_equal(predicted == 1, cube["prediction_score"].sel(score="mean_field") >= 1)
    assert set(np.unique(cube["predicted_trainable"])) <= {0, 1}


def test_predictors_are_judged_beside_the_probes(cube, scored_cube):
    here, of = scored_cube.sel(sigma_w2=1.8, sigma_b2=0.05), SCORED[encode(1.8, 0.05, 8)]
    for d, depth in enumerate((2, 4, 6)):
        network = here.sel(depth=depth)
        np.testing.assert_allclose(network["prediction_score"].sel(score="snip"), of["score"][0, d], rtol=1e-6)
        np.testing.assert_array_equal(network["predictor_raw"].sel(predictor="snip"), of["raw"][0, d])
        np.testing.assert_array_equal(network["predictor_seconds"], of["seconds"][:, d])
        np.testing.assert_array_equal(network["predictor_memory"], of["memory"][:, d])
    assert "predictor_score" not in scored_cube
    judged = scored_cube.sel(score=["snip", "grasp"])
    assert judged["auroc_networks"].values.tolist() == [24, 0]
    assert 0 < float(judged["auroc"][0]) < 1
    assert np.isnan(judged["auroc"][1])
    assert (judged["predicted_trainable"].sel(score="grasp") == -1).all()
    assert "predictor" not in cube.dims
    common = cube["score"].values
    xr.testing.assert_equal(scored_cube["prediction_score"].sel(score=common), cube["prediction_score"])


@pytest.mark.parametrize("architecture", [CNN, RESNET], ids=lambda a: a["kind"])
def test_the_scores_of_a_network_with_a_stem_are_those_of_its_last_hidden_layer(architecture):
    cube = merge_images(architecture, 8)
    assert cube["layers"].values.tolist() == [4, 6, 8]
    assert cube["layers"].dims == ("depth",)
    for depth in DEPTHS:
        scores = cube["prediction_score"].sel(depth=depth)
        for name in ("differential_entropy", "explained_variance"):
            assert np.array_equal(scores.sel(score=name), cube[name].sel(layer=depth + 2))
        # the depth of the theory is that of the architecture, without the stem's surplus
        saturated = cube["saturation_depth"].sel(measure="relative_entropy_ratio", drop=True)
        unsaturated = cube["saturation_case"].sel(measure="relative_entropy_ratio", drop=True) == 2
        np.testing.assert_allclose(
            scores.sel(score="saturation_depth"), saturated.where(~unsaturated, np.inf) / depth, rtol=1e-6
        )
        expected = (6 * cube["xi_c"] / depth).broadcast_like(scores.sel(score=MEAN_FIELD, drop=True))
        np.testing.assert_allclose(scores.sel(score=MEAN_FIELD), expected, rtol=1e-6)


@pytest.mark.parametrize("architecture", [CNN, RESNET], ids=lambda a: a["kind"])
def test_the_theory_of_a_cube_is_that_of_its_architecture_and_first_image(architecture):
    image = np.random.default_rng(0).random((SAMPLES, 64)).astype(np.float32)[0].reshape(IMAGE)
    w, b = np.array(WIDTHS), np.full(4, 0.05)
    cube = merge_images(architecture, 8).isel(sigma_b2=0)
    found = theory.layer_variances(architecture, image.astype(float), w, b, [7] * 8)
    np.testing.assert_allclose(cube["pre_activation_variance_theory"], found.recursion, rtol=1e-6)
    for name in ("spread", "log_mean", "log_spread", "mean_spread"):
        np.testing.assert_allclose(cube[f"pre_activation_variance_theory_{name}"], getattr(found, name), rtol=1e-6)
    for name, values in theory.depth_scales(architecture, w, b, image.astype(float), 6).items():
        np.testing.assert_allclose(cube[name], values, rtol=1e-6)
    assert json.loads(cube.attrs["architecture"]) == architecture


def test_of_a_residual_network_there_is_no_edge_and_no_spread_but_a_score():
    cube = merge_images(RESNET, 8)
    for name in ("edge_of_chaos", "q_star", "c_star", "xi_q", "pre_activation_variance_theory_spread"):
        assert cube[name].isnull().all()
    for name in ("chi_1", "xi_c", "pre_activation_variance_theory"):
        assert np.isfinite(cube[name]).all()
    assert cube["auroc_networks"].sel(score=MEAN_FIELD) == 4 * 3 * REPLICAS
    assert cube["auroc"].sel(score=MEAN_FIELD).notnull()


def test_without_theory_the_other_scores_are_judged(caplog):
    cube = merge_images(VGG16, 6)
    assert cube["layers"].values.tolist() == list(DEPTHS)
    for name in ("edge_of_chaos", "xi_c", "chi_1", "pre_activation_variance_theory"):
        assert cube[name].isnull().all()
    assert cube["prediction_score"].sel(score=MEAN_FIELD).isnull().all()
    assert (cube["predicted_trainable"].sel(score=MEAN_FIELD) == -1).all()
    assert cube["auroc_networks"].sel(score=MEAN_FIELD) == 0
    for name in ("auroc", "auroc_low", "auroc_high"):
        assert cube[name].sel(score=MEAN_FIELD).isnull()
    assert cube["auroc"].sel(score=list(MEASURES)).notnull().all()
    assert (cube["auroc_networks"].sel(score=list(MEASURES)) == 4 * 3 * REPLICAS).all()
    assert "undefined" not in caplog.text


def test_results_that_do_not_belong_together_are_refused():
    names = [encode(w, 0.05, 6) for w in (0.5, 1.8)]
    with pytest.raises(InfoflowError, match="belong together: their evaluation sets differ"):
        merge({name: evaluation(0, 6, images_of=k) for k, name in enumerate(names)}, {})
    with pytest.raises(InfoflowError, match="belong together: they count their layers differently"):
        merge({name: evaluation(0, layers) for name, layers in zip(names, (6, 8))}, {})


def test_the_area_is_in_variable_and_attributes(cube):
    for score in MEASURES:
        area = float(cube["auroc"].sel(score=score))
        assert cube.attrs[f"auroc_{score}"] == area
        assert 0 <= area <= 1
        low, high = cube.attrs[f"auroc_{score}_interval"]
        assert low <= area <= high
    assert (cube["auroc_networks"] == 4 * 3 * REPLICAS).all()


def test_points_that_were_not_computed_are_missing(results):
    evaluations, trainings = results
    partial = {name: r for name, r in evaluations.items() if not name.startswith("w1.000000")}
    fewer = {name: r for name, r in trainings.items() if name != "w1.800000_b0.050000_d004"}
    cube = merge(partial, fewer)
    assert (cube["probe_status"].sel(sigma_w2=1.0) == MISSING).all()
    assert cube["differential_entropy"].sel(sigma_w2=1.0).isnull().all()
    assert (cube["train_status"].sel(sigma_w2=1.8, depth=4) == MISSING).all()
    assert (cube["trainable"].sel(sigma_w2=1.8, depth=4) == -1).all()
    usable = cube["auroc_networks"].sel(score="differential_entropy")
    assert usable == (3 * 3 - 1) * REPLICAS


def test_divergence_is_told_and_counts_as_not_trainable(results):
    evaluations, trainings = dict(results[0]), dict(results[1])
    evaluations["w3.000000_b0.050000_d006"] = evaluation(9, 6, broken=1)
    trainings["w3.000000_b0.050000_d002"] = training(0.3, diverged=True)
    cube = merge(evaluations, trainings)
    assert cube["probe_status"].sel(sigma_w2=3.0).values.tolist() == [[[OK] * 6, [DIVERGED] * 6]]
    assert cube["differential_entropy"].sel(sigma_w2=3.0, replica=1).isnull().all()
    assert cube["differential_entropy"].sel(sigma_w2=3.0, replica=0).notnull().all()
    assert cube["train_status"].sel(sigma_w2=3.0, depth=2).values.ravel().tolist() == [DIVERGED, OK]
    assert (cube["trainable"].sel(sigma_w2=3.0, depth=2) == 0).all()
    scores = cube["predicted_trainable"].sel(sigma_w2=3.0, replica=1)
    assert (scores.sel(score="differential_entropy") == -1).all()


PER_LAYER = [
    "probe_status", "relative_entropy", "relative_entropy_mean", "differential_entropy", "explained_variance",
    "reconstruction_loss", "pre_activation_variance",
]  # fmt: skip


def grid(depths: tuple[int, ...], **broken) -> xr.Dataset:
    """The cube of the first of 8 layers at some depths; shallow networks of the middle columns are trainable."""
    evaluations = {
        encode(w, 0.05, max(depths)): evaluation(k, 8, kept=max(depths), **broken) for k, w in enumerate(WIDTHS)
    }
    trainings = {encode(w, 0.05, d): training(0.9 if 0.6 < w < 2 and d < 5 else 0.3) for w in WIDTHS for d in depths}
    return merge(evaluations, trainings)


@pytest.mark.parametrize(
    ("shallow", "deep", "since"), [((3,), (3, 8), 4), ((3,), (3, 8), 8), ((2, 5), (2, 5, 7, 8), 6)], ids=str
)
def test_a_deeper_network_that_diverges_takes_nothing_from_the_shallow_ones(shallow, deep, since):
    """Layers, saturation, scores and AUROC are those of the grid without it."""
    alone, together = grid(shallow), grid(deep, broken=slice(None), since=since)
    layers = together.sel(layer=alone["layer"])
    for name in PER_LAYER:
        np.testing.assert_array_equal(layers[name], alone[name], err_msg=name)
    for name in ("saturation_depth", "saturation_case"):
        np.testing.assert_array_equal(together[name], alone[name], err_msg=name)
    own, judged = (c.sel(score=list(MEASURES)) for c in (together.sel(depth=list(shallow)), alone))
    for name in ("prediction_score", "predicted_trainable", "auroc", "auroc_networks"):
        np.testing.assert_array_equal(own[name], judged[name], err_msg=name)

    status = together["probe_status"].values
    assert (status[..., : since - 1] == OK).all()
    assert (status[..., since - 1 :] == DIVERGED).all()
    beyond = together.sel(depth=list(set(deep) - set(shallow)))
    assert beyond["prediction_score"].sel(score=list(MEASURES)).isnull().all()
    assert (beyond["predicted_trainable"].sel(score=list(MEASURES)) == -1).all()


def test_a_replica_that_diverges_takes_nothing_from_the_others():
    whole, broken = grid((2, 5, 8)), grid((2, 5, 8), broken=1, since=6)
    for name in (*PER_LAYER, "saturation_depth", "saturation_case", "prediction_score"):
        np.testing.assert_array_equal(broken[name].sel(replica=0), whole[name].sel(replica=0), err_msg=name)
    one = grid((2, 5))
    for name in ("saturation_depth", "saturation_case"):
        np.testing.assert_array_equal(broken[name].sel(replica=1), one[name].sel(replica=1), err_msg=name)


def test_what_is_unknown_is_neither_trainable_nor_not(results):
    """Diverged in the first layer: no saturation depth, no score; AUROC is of the others."""
    evaluations = dict(results[0])
    evaluations["w3.000000_b0.050000_d006"] = evaluation(9, 6, broken=slice(None))
    cube = merge(evaluations, results[1])
    diverged, others = cube.sel(sigma_w2=3.0), cube.sel(sigma_w2=[0.5, 1.0, 1.8])
    assert (diverged["saturation_case"] == UNKNOWN).all()
    assert diverged["saturation_depth"].isnull().all()
    assert diverged["prediction_score"].sel(score=list(MEASURES)).isnull().all()
    assert (diverged["predicted_trainable"].sel(score=list(MEASURES)) == -1).all()
    for score in MEASURES:
        known = others["prediction_score"].sel(score=score).values
        assert not np.isnan(known).any()
        assert cube["auroc"].sel(score=score) == auroc(known.ravel(), (others["trainable"] == 1).values.ravel())
    assert (cube["auroc_networks"].sel(score=list(MEASURES)) == 3 * 3 * REPLICAS).all()
    # those that are not saturated within the depth are still beyond it
    beyond = cube["saturation_case"].sel(measure="relative_entropy_ratio", drop=True) == NOT_SATURATED
    assert beyond.any()
    assert np.isposinf(cube["prediction_score"].sel(score="saturation_depth").where(beyond, np.inf)).all()


def test_a_probe_at_every_depth_has_a_depth_dimension(results):
    evaluations = {encode(w, 0.05, d): evaluation(d, d) for w in (0.5, 1.8) for d in (2, 4)}
    trainings = {name: training(0.9 if "d002" in name else 0.2) for name in evaluations}
    cube = merge(evaluations, trainings, prefix_invariant=False)
    assert cube["differential_entropy"].dims == ("sigma_w2", "sigma_b2", "depth", "replica", "layer")
    assert cube["differential_entropy"].sel(depth=2, layer=[3, 4]).isnull().all()
    assert (cube["probe_status"].sel(depth=2, layer=[3, 4]) == MISSING).all()
    last = at_depth(cube, "differential_entropy").sel(sigma_w2=0.5, depth=4)
    assert np.array_equal(last[0], evaluations["w0.500000_b0.050000_d004"]["differential_entropy"][:, -1])


def test_networks_may_have_any_number_of_layers_at_a_depth_that_has_a_probe():
    layers = {2: 5, 4: 11}
    evaluations = {encode(w, 0.05, d): evaluation(d, n) for w in (0.5, 1.8) for d, n in layers.items()}
    trainings = {name: training(0.9 if "d002" in name else 0.2) for name in evaluations}
    cube = merge(evaluations, trainings, prefix_invariant=False)
    assert cube["layers"].values.tolist() == [5, 11]
    assert cube.sizes["layer"] == 11
    last = at_depth(cube, "differential_entropy").sel(sigma_w2=0.5)
    for depth in layers:
        expected = evaluations[encode(0.5, 0.05, depth)]["differential_entropy"][:, -1]
        assert np.array_equal(last.sel(depth=depth)[0], expected)
    assert np.isfinite(cube["prediction_score"].sel(score="differential_entropy")).all()


def test_depths_whose_layers_are_not_known_are_refused():
    uneven = {encode(0.5, 0.05, d): evaluation(d, n) for d, n in {2: 5, 4: 11}.items()}
    trainings = {encode(0.5, 0.05, d): training(0.9) for d in (2, 4, 6)}
    for evaluations, invariant in (
        (uneven, True),
        (uneven, False),  # nothing of depth 6
        (uneven | {encode(1.8, 0.05, 4): evaluation(0, 12)}, False),
    ):
        with pytest.raises(InfoflowError, match="they count their layers differently"):
            merge(evaluations, trainings, prefix_invariant=invariant)


def test_a_probe_without_truth_makes_a_cube(results):
    cube = merge(results[0], {})
    assert "trainable" not in cube
    assert "auroc" not in cube
    assert cube["depth"].values.tolist() == [6]


def test_an_accuracy_that_just_meets_the_threshold_counts(results):
    for success in (0.9, 0.7, 0.55):
        train = {"success_accuracy": success, "learning_rate": [0.1]}
        cube = merge(results[0], {name: training(success) for name in results[1]}, train=train)
        assert (cube["trainable"] == 1).all()


@pytest.mark.parametrize("truth", [True, False])
def test_a_probe_that_another_experiment_makes_deeper_changes_nothing(results, truth):
    """All layers are those of this experiment, its depths too, and the theory is that of its own networks."""
    trainings = results[1] if truth else {}
    axes = {"sigma_w2": list(WIDTHS), "sigma_b2": [0.05], "depth": [2, 4, 6] if truth else [6]}
    whole = {encode(w, 0.05, 9): evaluation(k, 11, shape=IMAGE) for k, w in enumerate(WIDTHS)}
    cut = {encode(w, 0.05, 6): evaluation(k, 11, shape=IMAGE, kept=8) for k, w in enumerate(WIDTHS)}
    of_both = {**dict(list(cut.items())[:2]), **dict(list(whole.items())[2:])}
    expected = merge(cut, trainings, axes=axes, architecture=RESNET)
    for evaluations in (whole, of_both):
        cube = merge(evaluations, trainings, axes=axes, architecture=RESNET)
        assert (cube.sizes["layer"], cube["depth"].values.tolist()) == (8, axes["depth"])
        xr.testing.assert_identical(cube.drop_attrs(), expected.drop_attrs())


def test_points_of_the_axes_that_were_not_computed_are_missing(results):
    axes = {"sigma_w2": [*WIDTHS, 9.0], "sigma_b2": [0.05], "depth": [2, 4, 6, 7]}
    cube = merge(*results, axes=axes)
    assert cube["differential_entropy"].sel(sigma_w2=9.0).isnull().all()
    assert (cube["trainable"].sel(sigma_w2=9.0) == -1).all()
    assert (cube["trainable"].sel(depth=7) == -1).all()
    assert cube["auroc_networks"].max() == 4 * 3 * REPLICAS


def test_if_all_networks_are_trainable_the_area_is_undefined_and_said_so(results, caplog):
    cube = merge(results[0], {name: training(0.95) for name in results[1]})
    assert np.isnan(cube["auroc"]).all()
    assert "undefined" in caplog.text


@given(st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_the_order_of_results_does_not_matter(results, cube, random):
    shuffled = [dict(random.sample(sorted(part.items()), len(part))) for part in results]
    xr.testing.assert_identical(merge(*shuffled).drop_attrs(), cube.drop_attrs())


def test_cubes_that_break_the_schema_are_refused(cube, tmp_path):
    for broken in (
        cube.drop_vars("probe_status"),
        cube.assign(extra=cube["xi_c"].transpose("sigma_b2", "sigma_w2")),
        cube.assign(extra=("layer", np.zeros(cube.sizes["layer"]))),
        cube.assign(differential_entropy=cube["differential_entropy"].copy(data=cube["differential_entropy"] * np.nan)),
    ):
        with pytest.raises(InfoflowError, match="cube"):
            validate_trainability(broken)
    (tmp_path / "noise.nc").write_bytes(b"noise")
    with pytest.raises(InfoflowError, match="noise.nc: not a whole cube"):
        read_trainability(tmp_path / "noise.nc")
    with pytest.raises(InfoflowError, match="no results"):
        merge({}, {})


def test_noise_anywhere_in_a_cube_is_found_or_changes_nothing(cube, tmp_path):
    path = tmp_path / "a.nc"
    write_cube(cube, path, "merge_cube")
    whole = read_trainability(path)
    refused = 0
    for _ in noisy_copies(path, 300):
        try:
            xr.testing.assert_identical(read_trainability(path), whole)
        except InfoflowError as error:
            assert str(error).startswith(f"{path}: not a whole cube (")  # noqa: PT017
            refused += 1
    assert refused > 290


def test_a_copy_of_another_cube_is_refused_by_name(cube, tmp_path):
    write_cube(cube, tmp_path / "a.nc", "merge_cube")
    shutil.copy2(tmp_path / "a.nc", tmp_path / "b.nc")
    with pytest.raises(InfoflowError, match=r"b\.nc: not a whole cube \(it is a copy of a\.nc\); delete it"):
        read_trainability(tmp_path / "b.nc")


# --- the job


MADE_BY = {
    "evaluations": {"options": {"offset": 1e-12}, "code": "1"},
    "ridge": {"options": {"offset": 1e-12}, "code": "2"},
    "trainings": {"train": {"epochs": 4}, "code": "3"},
    "predictors": {"depths": {encode(w, 0.05, 8): [2, 4, 6, 8] for w in WIDTHS}, "code": "4"},
}
JOB = {
    "made_by": MADE_BY,
    "axes": {"sigma_w2": list(WIDTHS), "sigma_b2": [0.05], "depth": list(DEPTHS)},
    "prefix_invariant": True,
    "architecture": MLP,
    "train": {"success_accuracy": 0.8, "learning_rate": [0.1]},
    "truth": "digits",
    "run": {"seed": 0, "draws": "independent"},
    "title": "mine",
    "config": {"experiments": {"own": {}}},
    "code": "5",
}


@pytest.fixture(scope="module")
def inputs(results, tmp_path_factory):
    """Files of all that is merged, by input, and the data set's."""
    folder = tmp_path_factory.mktemp("results")
    beside = {name: evaluation(9 + k, 6) for k, name in enumerate(results[0])}
    files = {}
    for part, found in zip(MADE_BY, (results[0], beside, results[1], SCORED)):
        files[part] = []
        for name, result in found.items():
            path = folder / part / f"{name}.nc"
            variables = {
                key: (tuple(f"{key}_{axis}" for axis in range(np.ndim(values))), values, {"units": "1"})
                for key, values in result.variables.items()
            }
            made_by = MADE_BY[part]
            own = made_by | {"depths": made_by["depths"][name]} if part == "predictors" else made_by
            write_result(path, variables, {**result.attributes, **describe_job(part, own)})
            files[part].append(path)
    labels = {"test_labels": (("test",), np.array([0, 1, 1, 2], np.int16), {})}
    write_result(folder / "digits.nc", labels, describe_job("prepare_dataset", {}))
    return files | {"datasets": [folder / "digits.nc"]}


def test_the_job_merges_files(results, scored_cube, inputs, tmp_path):
    merge_cube(make_job(JOB, tmp_path / "own.nc", inputs, rule="merge_cube"))
    found = read_trainability(tmp_path / "own.nc", JOB)
    for name in ("relative_entropy", "accuracy", "predictor_raw", "xi_c"):
        np.testing.assert_array_equal(found[name], scored_cube[name])
    assert "ridge_differential_entropy" in found
    methods = dict(zip(found["score"].values.tolist(), found["score_method"].values.tolist()))
    assert methods["ridge_explained_variance"] == "ridge"
    assert methods["snip"] == methods[MEAN_FIELD] == ""
    assert found.attrs["title"] == "mine"
    assert found.attrs["chance_accuracy"] == 0.5
    assert json.loads(found.attrs["train"]) == JOB["train"]
    cost = json.loads(found.attrs["cost"])
    counted = {rule: one["jobs"] for rule, one in cost.items()}
    assert counted == {**{p: len(inputs[p]) for p in MADE_BY}, "prepare_dataset": 1, "merge_cube": 1}


def test_all_files_that_are_damaged_or_out_of_date_are_named_at_once(inputs, tmp_path):
    damaged = tmp_path / inputs["trainings"][3].name
    damaged.write_bytes(inputs["trainings"][3].read_bytes()[:-1])
    trainings = [*inputs["trainings"][:3], damaged]
    other = JOB | {"made_by": MADE_BY | {"ridge": {"options": {"offset": 1e-9}, "code": "2"}}}
    with pytest.raises(InfoflowError, match=r"^5 results are damaged or out of date; delete them") as refused:
        merge_cube(make_job(other, tmp_path / "own.nc", inputs | {"trainings": trainings}))
    assert str(refused.value).split(": ")[1].split() == [*map(str, inputs["ridge"]), str(damaged)]
    assert not (tmp_path / "own.nc").exists()


def test_scores_of_other_depths_than_those_of_the_plan_are_refused(inputs, tmp_path):
    depths = MADE_BY["predictors"]["depths"] | {encode(0.5, 0.05, 8): [2, 4, 8]}
    other = JOB | {"made_by": MADE_BY | {"predictors": {"depths": depths, "code": "4"}}}
    message = r"predictors/w0\.500000_b0\.050000_d008\.nc: made with depths = \[2, 4, 6, 8\], not \[2, 4, 8\]"
    with pytest.raises(InfoflowError, match=message):
        merge_cube(make_job(other, tmp_path / "own.nc", inputs))
