import importlib
import itertools
import math
import re

import matplotlib as mpl
import numpy as np
import pytest
import torch
import xarray as xr
from torch.distributions import Normal, kl_divergence

mpl.use("Agg")
import matplotlib.pyplot as plt

from infoflow import meanfield
from infoflow.datasets import Images
from infoflow.errors import InfoflowError
from infoflow.figures._network import say_changes, step_back
from infoflow.figures._style import STYLE
from infoflow.grid import encode
from infoflow.initialization import draw_gaussian, generator
from infoflow.maps.dense import Dense
from infoflow.network_cube import (
    ABSENT,
    DIFFERS,
    SAME,
    merge_entropy,
    validate_network_cube,
)
from infoflow.network_entropy import (
    BINS,
    DIVERGED,
    MISSING,
    OK,
    asymptote,
    closed_form,
    entropy_point,
    gaussian_divergence,
    interpolated_correlation_length,
    measure_entropies,
    relative_entropy,
)
from infoflow.prepared import write_prepared
from infoflow.store import Result, read_result
from infoflow.study import read_study, write_study

MLP = {"kind": "mlp", "layout": "wide", "width": 12, "activation": "tanh", "head": [5]}
RUN = {"seed": 0, "replicas": 2, "precision": "float64"}
TRAIN = {"epochs": 2, "batch_size": 8, "learning_rate": 0.05, "momentum": 0.8, "readout": "tanh"}
FIGURES = ("maps", "histograms", "accuracy", "relative_entropy", "collapse")


def layers(*widths: int, shape=(3, 4)) -> list[Dense]:
    shapes = [shape, *((n,) for n in widths)]
    return [Dense(a, b, "tanh") for a, b in itertools.pairwise(shapes)]


def draws(maps, replicas, w=1.5):
    return draw_gaussian(maps, w, 0.05, 0, "frozen", replicas, dtype=torch.float64)


@pytest.fixture
def images():
    return torch.rand(3, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_the_direct_form_is_the_published_double_sum(images):
    """⟨Q⟩ as the publication has it: sums over all pairs of neurons of the second moments of φ."""
    maps = layers(9, 9, 9, 6)
    parameters = draws(maps, [0])
    found = measure_entropies(maps, parameters, images[:1], samples=50, seed=0, replicas=[0])

    z, examples = images[:1].flatten(1), []
    for p in parameters:
        z = z @ p["weight"][0] + p["bias"][0]
        examples.append(z[0].numpy())
        z = z.tanh()
    own = examples[0]
    stream = generator(0, "entropy samples", 0, 0)
    pushed = own.mean() + own.std() * torch.randn(50, 9, generator=stream).double().numpy()
    expected = [0.0]
    for p, z in zip(parameters[1:], examples[1:]):
        phi, weight = np.tanh(pushed), p["weight"][0].numpy().T
        shift = p["bias"][0, 0].numpy() - z.mean()
        square = shift @ shift
        for j in range(phi.shape[1]):
            square += 2 * phi[:, j].mean() * (weight[:, j] @ shift)
            for k in range(phi.shape[1]):
                square += (phi[:, j] * phi[:, k]).mean() * (weight[:, j] @ weight[:, k])
        entropy = len(own) / 2 * math.log(2 * math.pi * math.e * own.var())
        expected.append(len(z) / 2 * math.log(2 * math.pi * z.var()) + square / (2 * z.var()) - entropy)
        pushed = phi @ weight.T + p["bias"][0, 0].numpy()
    assert found.relative_entropy[0, 0] == pytest.approx(expected, abs=1e-10)


def test_replicas_and_images_do_not_depend_on_which_others_are_measured_with_them(images):
    maps = layers(9, 9, 9, 6)
    options = {"samples": 20, "seed": 3}
    together = measure_entropies(maps, draws(maps, range(3)), images, replicas=range(3), **options)
    for r in range(3):
        alone = measure_entropies(maps, draws(maps, [r]), images, replicas=[r], **options)
        fewer = measure_entropies(maps, draws(maps, [r]), images[:1], replicas=[r], **options)
        for name in ("relative_entropy", "sampling_error", "gaussian_divergence", "excess_kurtosis", "histogram"):
            both = getattr(together, name)[r], getattr(alone, name)[0]
            np.testing.assert_allclose(*both, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(fewer.relative_entropy[0, 0], alone.relative_entropy[0, 0], rtol=1e-11, atol=1e-11)


def test_in_the_first_layer_everything_is_zero(images):
    maps = layers(9, 9)
    found = measure_entropies(maps, draws(maps, [0, 1]), images, samples=5, seed=0, replicas=[0, 1])
    assert np.abs(found.relative_entropy[..., 0]).max() < 1e-12
    assert np.abs(found.gaussian_divergence[..., 0]).max() < 1e-12
    assert (found.sampling_error[..., 0] == 0).all()


def test_the_sampling_error_is_the_spread_of_repeated_samples(images):
    maps = layers(20, 20, 20)
    parameters = draws(maps, [0])
    repeated = [measure_entropies(maps, parameters, images[:1], samples=40, seed=s, replicas=[0]) for s in range(60)]
    spread = np.std([r.relative_entropy[0, 0, 2] for r in repeated], ddof=1)
    told = np.mean([r.sampling_error[0, 0, 2] for r in repeated])
    assert told == pytest.approx(spread, rel=0.3)  # 60 repetitions know their spread to 9 %


def test_the_gaussian_divergence_is_that_of_two_normal_distributions():
    p, q = (Normal(*torch.tensor(values).double()) for values in ([0.3, 0.8], [-0.2, 1.7]))
    expected = float(kl_divergence(p, q))
    assert gaussian_divergence(0.3, 0.64, -0.2, 2.89, width=50) == pytest.approx(50 * expected, rel=1e-6)
    assert gaussian_divergence(0.1, 2.0, 0.1, 2.0) == 0


def test_the_gaussian_divergence_is_never_negative_where_the_published_one_is():
    r = np.geomspace(0.1, 10, 21)
    published = relative_entropy(100, 1.0, 100, r, 100 * r)  # a wide network: E|z - μ|² = N σ_q²
    assert published == pytest.approx(50 * np.log(r), abs=1e-9)
    assert (published[r < 0.99] < 0).all()
    assert (gaussian_divergence(0, 1.0, 0, r, 100) >= 0).all()


def test_layers_of_other_widths_get_what_the_formula_says():
    own = 784 / 2 * math.log(2 * math.pi * math.e * 0.2)
    expected = 400 / 2 * math.log(2 * math.pi * 0.5) + 380 * 0.5 / (2 * 0.5) - own
    assert relative_entropy(784, 0.2, 400, 0.5, 380 * 0.5) == pytest.approx(expected, rel=1e-12)


def test_the_histogram_is_a_density_and_a_gaussian_one(images):
    maps = layers(4000, 4000)
    found = measure_entropies(maps, draws(maps, [0]), images, samples=2, seed=0, replicas=[0])
    density = found.histogram[0, 1]
    centre = (BINS[1:] + BINS[:-1]) / 2
    gaussian = np.exp(-(centre**2) / 2) / math.sqrt(2 * math.pi)
    assert (density * np.diff(BINS)).sum() == pytest.approx(1, abs=1e-3)
    assert np.abs(density - gaussian).max() < 0.05
    assert np.abs(found.excess_kurtosis).max() < 0.4  # five standard errors of 4,000 neurons


def test_the_interpolated_length_is_the_published_one():
    assert interpolated_correlation_length(1.5, 0.05) == pytest.approx(15.889792, abs=1e-6)
    exact = meanfield.depth_scales(1.5, 0.05).xi_c
    assert interpolated_correlation_length(1.5, 0.05) == pytest.approx(exact, rel=0.01)
    assert interpolated_correlation_length(1.5, 0.05, step=1e-3) == pytest.approx(exact, rel=1e-5)
    assert interpolated_correlation_length(0.5, 0.0) == pytest.approx(1 / math.log(2))  # q* = 0
    with pytest.raises(ValueError, match="relu"):
        interpolated_correlation_length(1.0, 0.05, "relu")


def _relu(w: float, b: float) -> float:
    """(w E φ(u₁) φ(u₂) + b)/q* at c = 0.3, by numerical integration; b = 0 where it drops out."""
    z = np.linspace(-8, 8, 1601)
    weight = np.exp(-(z**2) / 2)
    weight /= weight.sum()
    pair = weight @ (np.maximum(z, 0)[:, None] * np.maximum(0.3 * z[:, None] + np.sqrt(0.91) * z, 0)) @ weight
    q = b / (1 - w / 2) if b else 1.0
    return (w * q * pair + b) / (w * q / 2 + b)


RELU = {1.0: _relu(1.0, 0.05), 2.0: _relu(2.0, 0.0), 3.0: _relu(3.0, 0.0)}


def test_the_correlation_map_has_the_fixed_point_and_the_slope_of_the_theory():
    for w in (0.6, 1.5, 2.0, 4.0):
        scales = meanfield.depth_scales(w, 0.05)
        assert meanfield.correlation_map([1.0, scales.c_star], w, 0.05) == pytest.approx([1, scales.c_star], abs=1e-10)
        low, high = meanfield.correlation_map([scales.c_star - 1e-4, scales.c_star], w, 0.05)
        assert (high - low) / 1e-4 == pytest.approx(scales.chi_c, abs=2e-3)
        assert meanfield.slope_at(scales.q_star, w) == pytest.approx(scales.chi_1, rel=1e-12)
    for w, b in ((1.0, 0.05), (2.0, 0.0), (3.0, 0.05)):
        low, middle, high = meanfield.correlation_map([0.3, 0.999, 1.0], w, b, "relu")
        assert high == pytest.approx(1)
        assert low == pytest.approx(RELU[w], abs=1e-4)
        assert (1 - middle) / 1e-3 == pytest.approx(meanfield.depth_scales(w, b, "relu").chi_c, rel=0.03)
    assert meanfield.slope_at(0.7, 1.6, "relu") == 0.8
    with pytest.raises(ValueError, match="correlation"):
        meanfield.correlation_map(0.5, 0.5, 0.0)


def test_the_closed_form_goes_from_zero_to_its_asymptote():
    first = np.array([0.1, 0.3, 3.0])
    curve = closed_form(first, 2.0, 0.05, 100, 60)
    assert curve.shape == (3, 60)
    assert (curve[:, 0] == 0).all()
    assert curve[:, -1] == pytest.approx(asymptote(first, 2.0, 0.05, 100), abs=1e-9)
    assert (np.diff(curve[:2]) > -1e-12).all()
    assert curve[2, -1] < 0


# From a data set to a cube


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("data") / "tiny.nc"
    labels = rng.integers(0, 3, (2, 40))
    pixels = rng.random((2, 40, 4, 4), np.float32)
    write_prepared(path, Images(*pixels, *labels), 0, {})
    return path


def point(dataset, folder, w=1.5, depth=4, train=TRAIN, images=3, architecture=MLP, run=RUN):
    name = encode(w, 0.05, depth)
    options = {"images": images, "samples": 10}
    entropy_point(dataset, folder / f"{name}.nc", name, architecture, options, train, run, 1, {})
    return name, read_result(folder / f"{name}.nc")


def test_a_point_has_both_networks(dataset, tmp_path):
    _, result = point(dataset, tmp_path)
    assert result["relative_entropy"].shape == (2, 2, 3, 6)
    assert result["histogram"].shape == (2, 2, 6, len(BINS) - 1)
    assert result["layer_width"].tolist() == [12, 12, 12, 12, 5, 3]
    assert (result["status"] == OK).all()
    assert ((result["accuracy"] >= 0) & (result["accuracy"] <= 1)).all()
    assert result.attributes["hidden_layers"] == 4
    assert result.attributes["train_seconds"] > 0
    untrained, trained = result["relative_entropy"]
    assert np.abs(trained - untrained).max() > 0.01


def test_training_that_does_nothing_changes_nothing(dataset, tmp_path):
    _, result = point(dataset, tmp_path, train=TRAIN | {"learning_rate": 0.0})
    untrained, trained = result["relative_entropy"]
    np.testing.assert_array_equal(trained, untrained)


def test_untrained_networks_begin_like_deeper_ones(dataset, tmp_path):
    _, shallow = point(dataset, tmp_path, train=None)
    _, deep = point(dataset, tmp_path, depth=7, train=None)
    np.testing.assert_allclose(
        shallow["relative_entropy"][..., :4], deep["relative_entropy"][..., :4], rtol=1e-6, atol=1e-6
    )
    assert np.isnan(shallow["accuracy"]).all()


def test_a_training_that_diverges_is_told(dataset, tmp_path):
    _, result = point(dataset, tmp_path, train=TRAIN | {"learning_rate": 1e308, "readout": "logits"})
    assert (result["status"][0] == OK).all()
    assert (result["status"][1] == DIVERGED).all()
    assert np.isnan(result["relative_entropy"][1]).all()
    assert np.isnan(result["histogram"][1]).all()
    assert np.isfinite(result["relative_entropy"][0]).all()


def test_what_cannot_be_measured_is_refused_in_one_line(dataset, tmp_path):
    with pytest.raises(InfoflowError, match=r"kind is cnn.*choose an architecture of kind mlp"):
        point(dataset, tmp_path, architecture={"kind": "cnn", "channels": 2, "activation": "tanh"})
    with pytest.raises(InfoflowError, match=r"tiny\.nc: images is 41, but the test set has 40"):
        point(dataset, tmp_path, images=41)
    pixels = np.random.default_rng(0).random((2, 9, 4, 4), np.float32)
    write_prepared(tmp_path / "noise.nc", Images(*pixels, None, None), 0, {})
    with pytest.raises(InfoflowError, match=r"noise\.nc: has no labels"):
        point(tmp_path / "noise.nc", tmp_path)
    point(tmp_path / "noise.nc", tmp_path, train=None)


def merge(results, architecture=MLP) -> xr.Dataset:
    return merge_entropy(results, dataset="tiny", architecture=architecture, attributes={"title": "test"})


@pytest.fixture(scope="module")
def results(dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("points")
    found = dict(point(dataset, folder, w, depth) for w in (1.0, 1.5, 3.0) for depth in (3, 6))
    return found | dict([point(dataset, folder, 2.0, 3, train=None)])  # (2.0, 6) is missing


@pytest.fixture(scope="module")
def cube(results):
    return merge(results)


def test_the_cube_holds_the_results_and_the_theory(cube, results):
    assert [cube.sizes[d] for d in ("sigma_w2", "sigma_b2", "depth", "network", "layer")] == [4, 1, 2, 2, 8]
    here = {"sigma_w2": 3.0, "sigma_b2": 0.05}
    for depth in (3, 6):
        mine = cube["relative_entropy"].sel(here | {"depth": depth})
        np.testing.assert_array_equal(
            mine.values[..., : depth + 2], results[encode(3.0, 0.05, depth)]["relative_entropy"]
        )
        assert mine.isel(layer=slice(depth + 2, None)).isnull().all()
    assert cube["layer_case"].sel(depth=3).values.tolist() == [SAME] * 3 + [DIFFERS] * 2 + [ABSENT] * 3
    assert cube["hidden_layers"].values.tolist() == [3, 6]
    status = cube["status"].sel(sigma_w2=2.0, sigma_b2=0.05)
    assert (status.sel(depth=3, network="untrained") == OK).all()
    assert (status.sel(depth=3, network="trained") == MISSING).all()
    assert (status.sel(depth=6) == MISSING).all()
    first = 3.0 * cube["mean_square_input"].values + 0.05
    np.testing.assert_allclose(
        cube["closed_form"].sel(here | {"depth": 6}).values[:, :6], closed_form(first, 3.0, 0.05, 12, 6), rtol=1e-6
    )
    assert cube["closed_form"].sel(here | {"depth": 6}).isel(layer=slice(6, None)).isnull().all()
    np.testing.assert_allclose(cube["asymptote"].sel(here | {"depth": 3}), asymptote(first, 3.0, 0.05, 12), rtol=1e-6)
    scales = meanfield.depth_scales(3.0, 0.05)
    np.testing.assert_allclose(cube["scaled_layer"].sel(here)[4], 4 / scales.xi_q)
    assert float(cube["xi_c"].sel(here)) == pytest.approx(9.0515, abs=1e-3)


def test_the_cube_is_read_as_it_was_written(cube, tmp_path):
    write_study(cube, tmp_path / "cube.nc", "merge_network_entropy")
    again = read_study(tmp_path / "cube.nc")
    xr.testing.assert_equal(again, cube)
    assert "not a true relative entropy" in again["relative_entropy"].attrs["comment"]
    assert again["relative_entropy"].encoding["fletcher32"]
    broken = again.copy()
    del broken["status"].attrs["units"]
    with pytest.raises(InfoflowError, match="no units"):
        validate_network_cube(broken)
    with pytest.raises(InfoflowError, match="closed_form is missing"):
        validate_network_cube(again.drop_vars("closed_form"))
    (tmp_path / "cube.nc").write_bytes(b"nothing")
    with pytest.raises(InfoflowError, match="delete it and run again"):
        read_study(tmp_path / "cube.nc")


def test_what_is_nan_is_explained(cube):
    for name, variable in cube.variables.items():
        if variable.dtype.kind == "f" and variable.isnull().any():
            assert "NaN" in variable.attrs.get("comment", "") + variable.attrs["long_name"], name


def test_results_of_other_images_are_refused(results, dataset, tmp_path):
    other = dict([point(dataset, tmp_path, 4.0, 3, train=None, images=2)])
    with pytest.raises(InfoflowError, match="their images differ"):
        merge(results | other)
    with pytest.raises(InfoflowError, match="no results"):
        merge({})


# Figures


def made_up(replicas=3, images=4, depth=12, width=50, weights=(1.0, 1.5, 2.0, 3.0), depths=(4, 12), **gone) -> dict:
    """Results of networks that follow the closed form, but for noise; trained ones lie above it."""
    rng = np.random.default_rng(0)
    inputs = rng.uniform(0.1, 0.3, images)
    found = {}
    for w in weights:
        for d in depths:
            widths = np.array([width] * d + [10])
            theory = closed_form(w * inputs + 0.05, w, 0.05, width, d + 1)
            shape = (2, replicas, images, d + 1)
            values = theory + rng.normal(0, 1, shape) * (np.arange(d + 1) > 0)
            values[1] += 0.4 * np.arange(d + 1)
            bins = np.exp(-(((BINS[1:] + BINS[:-1]) / 2) ** 2) / 2) / math.sqrt(2 * math.pi)
            status = np.zeros((2, replicas), np.int8)
            if gone.get("trained"):
                values[1], status[1] = np.nan, MISSING
            found[encode(w, 0.05, d)] = Result(
                {
                    "relative_entropy": values,
                    **{n: np.abs(values) for n in ("sampling_error", "gaussian_divergence")},
                    **dict.fromkeys(("pre_activation_mean", "pre_activation_variance"), values / 100 + 1),
                    "excess_kurtosis": values / 100,
                    "histogram": np.broadcast_to(bins, (2, replicas, d + 1, len(bins))),
                    "status": status,
                    "accuracy": np.full(replicas, np.nan if gone.get("trained") else 0.9 - 0.02 * d),
                    "mean_square_input": inputs,
                    "layer_width": widths,
                },
                {"entropy_seconds": 1.0, "train_seconds": 2.0, "hidden_layers": d},
            )
    return found


CUBES = {
    "whole": {},
    "one of everything": {"replicas": 1, "images": 1, "weights": (1.5,), "depths": (4,)},
    "untrained": {"trained": True},
    "shallow": {"depths": (1,)},
    "relu": {"activation": "relu"},
    "erf": {"activation": "erf"},
}


@pytest.mark.parametrize("kind", CUBES)
@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("error")
def test_figures_are_drawn(name, kind, tmp_path):
    options = CUBES[kind].copy()
    cube = merge(made_up(**options), MLP | {"activation": options.get("activation", "tanh")})
    with plt.rc_context(STYLE):
        figure = importlib.import_module(f"infoflow.figures.network_{name}").draw(cube)
        figure.savefig(tmp_path / "figure.png")
        for ax in figure.axes:
            assert ax.has_data()
        assert figure.get_suptitle()
        plt.close(figure)


def test_what_a_curve_does_is_told_in_numbers():
    def curve(values):
        return xr.DataArray(np.array(values, float), dims="layer")

    assert step_back(curve([0, 1, 3])) == 0
    assert step_back(curve([0, -1, -3])) == 0
    assert step_back(curve([0, 5, 2, 4, 6])) == 3
    assert step_back(curve([0, -5, -2, -6])) == 3
    part = merge(made_up(replicas=4)).isel(sigma_b2=0, depth=-1, layer=slice(0, 12))
    told = say_changes(part, "untrained", [2.0])
    assert re.fullmatch(r"untrained: \+\d+ ± \d+ \(\d+ back\) at 2", told)
    assert "±" not in say_changes(part.isel(replica=[0]), "untrained", [2.0])
