"""Figures of the information plane, from a cube that is made up."""

import importlib
import json
import math

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

mpl.use("Agg")
import matplotlib.pyplot as plt

from common import assert_nothing_beyond_the_edges
from infoflow.figures.chosen import evenly
from infoflow.figures.draw_study import draw_study
from infoflow.figures.say import settle
from infoflow.figures.style import STYLE
from infoflow.files.cubes import write_cube
from infoflow.studies.information_plane.figures._shared import (
    describe,
    epoch_axis,
    family,
    known_estimator,
    name_estimator,
    one,
    snapshots,
    sound,
    title,
    usable,
    violation,
)
from infoflow.studies.information_plane.figures.gradient_phases import crossing
from infoflow.studies.information_plane.figures.information_depth import epochs_to, reachable
from infoflow.studies.information_plane.figures.information_estimators import change
from infoflow.studies.information_plane.plan import InformationPlane
from jobs import make_job

FIGURES = tuple(InformationPlane.FIGURES)
REFERENCE = {
    "activation": "tanh",
    "hidden": "10-7-5-4-3",
    "train_fraction": 0.8,
    "optimizer": "adam",
    "learning_rate": 4e-4,
    "initialization": "truncated_normal",
    "sigma_w2": 1.0,
    "sigma_b2": 0.0,
}
WIDE = {"hidden": "10-10-10-10-10", "initialization": "gaussian", "sigma_b2": 0.05}
NETWORKS = {
    "tanh": {},
    "relu": {"activation": "relu"},
    "few": {"train_fraction": 0.05},
    "half": {"train_fraction": 0.45},
    "most": {"train_fraction": 0.85},
    **{f"depth_{n}": {"hidden": "10-7-5-4"[: 2 * n]} for n in (4, 3, 2, 1)},
    "depth_6": {"hidden": "10-8-7-5-4-3"},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.05},
    **{f"gaussian_{w:g}": WIDE | {"sigma_w2": w} for w in (4.0, 0.5, 1.0, 1.76)},
}
ESTIMATORS = {
    "binning": {"bins": 30, "high": 1, "low": -1},
    "layer_range": {"bins": 30},
    "width": {"width": 0.07},
    "kernel_upper": {"noise_variance": 0.001},
    "kernel_lower": {"noise_variance": 0.001},
    "neighbours": {"neighbours": 3},
}
INPUT_BITS, LABEL_BITS = 12.0, 0.9992


def make_cube(
    networks=NETWORKS, replicas: int = 4, estimators=ESTIMATORS, last: int = 3000, diverged: tuple = ()
) -> xr.Dataset:
    """A cube like that of the study: tanh is compressed where its values are binned, ReLU is not if they are blurred.

    Args:
        diverged: pairs of the name of a network and a replica.
    """
    settings = {name: REFERENCE | changes for name, changes in networks.items()}
    widths = {name: [*map(int, s["hidden"].split("-")), 2] for name, s in settings.items()}
    epochs = np.unique(np.concatenate([[0], np.geomspace(1, last, 24).round()])).astype(int)
    names, most = list(networks), max(map(len, widths.values()))
    shape = len(names), replicas, len(epochs), most
    rng = np.random.default_rng(0)
    layered = ("gradient_mean", "gradient_spread", "weight_norm")
    layered += ("differential_entropy", "explained_variance", "relative_entropy")
    plain = ("train_accuracy", "test_accuracy", "train_loss", "test_loss")
    values = {name: np.full(shape, np.nan) for name in layered} | {name: np.full(shape[:3], np.nan) for name in plain}
    for what in ("input_information", "label_information"):
        values[what] = np.full((len(names), len(estimators), *shape[1:]), np.nan)
    t = epochs[None, :, None].astype(float)
    for n, name in enumerate(names):
        s, layers = settings[name], np.arange(1, len(widths[name]) + 1)
        deep = layers / len(layers)
        noise = rng.normal(size=(replicas, 1, 1))
        pace = (250 / len(layers)) * np.exp(0.3 * noise) * (0.4 if s["train_fraction"] < 0.1 else 1)
        fit = 1 - np.exp(-t / pace)
        squeeze = 1 / (1 + (6 * pace / (t + 1)) ** 1.5)
        forgotten = (1 - s["train_fraction"]) ** 8 * squeeze * deep
        for k, kind in enumerate(estimators):
            start = INPUT_BITS * (1 - deep**4) + 0.3 * noise * deep
            if s["activation"] == "tanh":
                known = start + (1.5 * fit - 5 * squeeze) * deep**3 + 3 * fit * deep**8
            elif kind.startswith("kernel"):
                known = 0.6 * start + (6 * fit + 0.5 * squeeze) * deep**2 * (1 - 0.3 * deep)
            elif kind == "binning":
                known = 0.7 * start + fit
            else:
                known = 0.8 * start + (2 * fit - 1 * squeeze) * deep
            own = rng.normal(size=(replicas, 1, len(layers))) * deep**2
            known = np.clip(known - 0.3 * k * deep + 0.4 * own, 0, INPUT_BITS - 0.02 * layers) + 1.2 * fit * deep**8
            label = LABEL_BITS * ((1 - deep**2) * np.exp(0.1 * own) + (0.95 * fit - 0.8 * forgotten) * deep**2)
            values["input_information"][n, k, :, :, : len(layers)] = known
            values["label_information"][n, k, :, :, : len(layers)] = np.clip(label, 0, np.minimum(known, LABEL_BITS))
        values["test_accuracy"][n] = (0.5 + 0.46 * fit - 0.5 * (1 - s["train_fraction"]) ** 2 * squeeze)[..., 0]
        values["train_accuracy"][n] = (0.5 + 0.5 * fit)[..., 0]
        for part in ("train", "test"):
            values[f"{part}_loss"][n] = 1 - values[f"{part}_accuracy"][n]
        ratio = 3.3 * np.exp(0.2 * noise) / (1 + (t / 12) ** 1.1) * (1 + 0.5 * deep)
        spread = 1e-3 * (1 + t / 30) ** 0.7 / deep
        values["gradient_mean"][n, ..., : len(layers)] = ratio * spread
        values["gradient_spread"][n, ..., : len(layers)] = spread + 0 * noise
        values["weight_norm"][n, ..., : len(layers)] = 2 + 0.001 * t + 0 * noise + 0 * deep
        kept = np.exp(-layers / (3 * s["sigma_w2"])) * (1 - 0.5 * squeeze * deep) + 0.01 * noise
        values["explained_variance"][n, ..., : len(layers)] = kept - 0.05
        values["relative_entropy"][n, ..., : len(layers)] = 1 - kept
        with np.errstate(divide="ignore"):
            values["differential_entropy"][n, ..., : len(layers)] = np.log(np.maximum(kept - 0.06, 0))
    status = np.zeros(shape[:2], int)
    for name, r in diverged:
        status[names.index(name), r] = 1
    dims = ("network", "replica", "epoch", "layer")
    variables = {name: (dims[: v.ndim], v) for name, v in values.items() if v.ndim < 5}
    variables |= {name: (("network", "estimator", *dims[1:]), v) for name, v in values.items() if v.ndim == 5}
    variables["status"] = (dims[:2], status)
    padded = [[*w, *[0] * (most - len(w))] for w in widths.values()]
    variables["layer_width"] = (("network", "layer"), padded)
    variables |= {"label_entropy": ((), LABEL_BITS), "input_entropy": ((), INPUT_BITS)}
    chi = [0.9 * s["sigma_w2"] if s["initialization"] == "gaussian" else np.nan for s in settings.values()]
    variables["chi_1"] = (("network",), chi)
    coords = {key: (("network",), [s[key] for s in settings.values()]) for key in REFERENCE}
    coords["hidden_layers"] = (("network",), [len(w) - 1 for w in widths.values()])
    coords |= {"network": names, "estimator": list(estimators), "replica": range(replicas), "epoch": epochs}
    coords |= {
        "layer": range(1, most + 1),
        "estimator_kind": (("estimator",), list(estimators)),
        "estimator_constants": (("estimator",), [json.dumps(c) for c in estimators.values()]),
    }
    cube = xr.Dataset(variables, coords, {"dataset": "o3", "batch_size": 512, "samples": 4096})
    for name, variable in cube.variables.items():
        variable.attrs |= {"long_name": name, "units": "1"}
    return cube


CUBE = make_cube()
LONE = {"tanh": {}}
CASES = {
    "whole": CUBE,
    "one network": make_cube(LONE, replicas=1),
    "one estimator": make_cube({"relu": {"activation": "relu"}}, replicas=2, estimators={"binning": {}}),
    "one epoch": make_cube({k: NETWORKS[k] for k in ("tanh", "relu", "few")}, last=1),
    "untrained": make_cube(LONE).isel(epoch=[0]),
    "one hidden layer": make_cube({"small": {"hidden": "10"}}, replicas=3),
    "diverged": make_cube(diverged=[("relu", r) for r in range(4)] + [("tanh", 2), ("few", 0)]),
    "nothing": make_cube(LONE, replicas=2, diverged=[("tanh", 0), ("tanh", 1)]),
}


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context(STYLE):
        yield
    plt.close("all")


def draw(name: str, cube: xr.Dataset):
    figure = importlib.import_module(f"infoflow.studies.information_plane.figures.{name}").draw(cube)
    settle(figure)
    figure.draw_without_rendering()
    return figure


def panels(figure) -> list:
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def indices(names) -> list[int]:
    return [list(NETWORKS).index(name) for name in names]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn(name, case):
    cube = CASES[case]
    figure = draw(name, cube)
    assert f"o3, {cube.sizes['replica']} replica" in figure.settings
    assert figure.finding
    assert figure.caption
    # no panel is empty
    for ax in panels(figure):
        texts = [t.get_text() for t in ax.texts]
        assert ax.lines or ax.collections or "no values" in texts
        assert ("no values" not in texts) or case == "nothing"
    assert_nothing_beyond_the_edges(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_files_of_a_study(name, tmp_path, monkeypatch):
    monkeypatch.setattr("infoflow.files.cubes.spent", lambda rule, before: before)
    write_cube(CUBE, tmp_path / "cube.nc", "merge")
    parameters = {"module": f"studies.information_plane.figures.{name}"}
    draw_study(make_job(parameters, tmp_path / "a.png", {"cube": tmp_path / "cube.nc"}))
    assert (tmp_path / "a.png").stat().st_size > 20_000


def test_layers_that_a_network_does_not_have_are_not_drawn():
    shown = len(panels(draw("information_depth", CUBE))[0].get_legend_handles_labels()[1])
    assert shown == 6
    above, below = (panels(draw("gradient_phases", CUBE))[k] for k in (0, 2))
    assert len(above.lines) == 2 * 6
    assert len(below.lines) == 6 + 1
    assert all(np.isfinite(line.get_ydata()).all() for line in below.lines)
    # the reference has six layers, the deepest network of the cube seven
    first = panels(draw("information_estimators", CUBE))[0]
    assert len(first.lines) == 6
    assert panels(draw("information_reconstruction", CUBE))[0].get_xticklabels()[-1].get_text() == "out"


def test_a_family_differs_in_its_axis_alone():
    assert family(CUBE, "activation") == indices(["tanh", "relu"])
    assert family(CUBE, "train_fraction") == indices(["few", "half", "tanh", "most"])
    assert family(CUBE, "hidden_layers", "hidden") == indices(
        [*(f"depth_{k}" for k in (1, 2, 3, 4)), "tanh", "depth_6"]
    )
    # in the order of their numbers, not of the cube
    assert family(CUBE, "sigma_w2") == indices([f"gaussian_{w:g}" for w in (0.5, 1.0, 1.76, 4.0)])
    assert family(CUBE, "optimizer", "learning_rate") == indices(["tanh", "sgd"])
    # no two networks differ in σ_b² alone: the first of equals
    assert family(CUBE, "sigma_b2") == [0]


def test_a_family_has_one_network_per_value():
    twice = make_cube({"a": {}, "b": {"activation": "relu"}, "again": {}})
    assert family(twice, "activation") == [0, 1]
    unknown = make_cube({"a": {"sigma_w2": np.nan}, "b": {"sigma_w2": np.nan, "activation": "relu"}})
    assert family(unknown, "activation") == [0, 1]


def test_networks_without_results_are_left_out_and_named():
    cube = CASES["diverged"]
    assert family(cube, "activation") == indices(["tanh"])
    assert usable(cube)[0] == 0
    said = " ".join(title(cube, [0], "activation"))
    assert "diverged: 1 of tanh, all of relu" in said
    assert np.isnan(sound(cube)["test_accuracy"].values[0, 2]).all()
    assert np.isfinite(sound(cube)["test_accuracy"].values[0, [0, 1, 3]]).all()
    assert usable(CASES["nothing"]) == [0]
    assert len(title(CUBE, [0])) == 1


def test_the_title_has_the_settings_that_a_figure_does_not_vary():
    wide = indices(["gaussian_0.5"])[0]
    assert describe(CUBE, wide) == (
        "tanh, hidden layers of 10-10-10-10-10, adam, learning rate 0.0004, trained on 0.8 of the data, "
        r"$\sigma_w^2$ = 0.5, $\sigma_b^2$ = 0.05"
    )
    assert describe(CUBE, 0, "hidden_layers", "hidden") == (
        "tanh, adam, learning rate 0.0004, trained on 0.8 of the data, truncated normal"
    )
    assert describe(CUBE, wide, "sigma_w2").endswith(r"the data, $\sigma_b^2$ = 0.05")


def test_an_estimator_is_one_that_is_known_of_all():
    assert known_estimator(CUBE, [0, 1]) == 0
    assert known_estimator(CUBE, [0, 1], "kernel_upper") == 3
    assert known_estimator(CUBE, [0, 1], "no such") == 0
    cube = CUBE.copy(deep=True)
    cube["input_information"][1, 0] = np.nan
    assert known_estimator(cube, [0, 1]) == 1
    assert known_estimator(cube, [0]) == 0
    assert name_estimator(CUBE, 0) == ("binning", "bins 30, high 1, low -1")
    assert name_estimator(CUBE, 3) == ("kernel upper", "noise variance 0.001")
    assert "layer range (bins 30)" in draw("information_trajectories", cube).settings


def test_a_network_is_cut_to_its_layers():
    network = one(CUBE, indices(["depth_2"])[0])
    assert network["layer"].values.tolist() == [1, 2, 3]
    assert network["layer_width"].values.tolist() == [10, 7, 2]
    assert bool(network["input_information"].notnull().all())


def test_snapshots_are_evenly_spaced_in_logarithms():
    epochs = np.array([0, 1, 2, 3, 5, 8, 13, 30, 100, 300, 1000, 3000])
    # 1 + epoch: powers of 3001^(1/3) = 14.4
    assert epochs[snapshots(epochs, 4)].tolist() == [0, 13, 300, 3000]
    assert snapshots(np.array([0]), 5) == [0]
    assert snapshots(np.array([0, 1]), 5) == [0, 1]
    assert evenly([1, 2, 3, 4, 5], 3) == [1, 3, 5]
    assert evenly([1, 2], 3) == [1, 2]


@pytest.mark.parametrize("last", [0, 1, 7, 3000])
def test_the_axis_of_epochs_has_zero_and_the_last_one(last):
    _, ax = plt.subplots()
    epoch_axis(ax, np.array([0, last]))
    low, high = ax.get_xlim()
    assert low == 0
    assert high >= last
    assert max(ax.get_xticks()) <= high


def test_the_ratio_of_the_gradients_is_crossed_where_it_is_one():
    epochs = np.array([0, 3, 8, 99])
    # half way in ln(1 + epoch) between 3 and 8
    assert crossing(epochs, np.array([1.0, 0.5, -0.5, -1.0])) == pytest.approx(math.sqrt(4 * 9) - 1)
    assert crossing(epochs, np.array([-0.1, 1, 1, 1])) == 0
    assert crossing(epochs, np.array([1.0, 1, 1, 0])) == math.inf
    assert math.isnan(crossing(epochs, np.full(4, np.nan)))
    # epochs without a ratio are skipped
    assert crossing(epochs, np.array([np.nan, 0.5, -0.5, -1.0])) == pytest.approx(5)
    figure = draw("gradient_phases", CUBE)
    # 3.3 (1 + d/2) = 1 + (t/12)^1.1, d = 1/6
    expected = 12 * (3.3 * (1 + 1 / 12) - 1) ** (1 / 1.1)
    said = panels(figure)[2].get_title()
    assert float(said.split("1: ")[1].split(",")[0]) == pytest.approx(expected, rel=0.25)


def test_epochs_to_a_threshold():
    curves = xr.DataArray(
        [[0.0, 0.5, 1.0], [0.9, 0.9, 0.9], [0.0, 0.1, 0.2], [np.nan, 0.9, 1.0]],
        {"replica": range(4), "epoch": [0, 10, 30]},
        ("replica", "epoch"),
    )
    assert epochs_to(curves, 0.75).tolist() == [20, 0, np.inf, 10]
    # three of four are at least at 0.9
    assert reachable([curves], (0.95, 0.9, 0.5)) == 0.9
    assert reachable([curves * 0], (0.95, 0.9)) == 0.9
    few = make_cube({k: NETWORKS[k] for k in ("depth_1", "depth_2", "depth_3")})
    few["test_accuracy"][0] = 0.5
    few["test_accuracy"][1, 0] = 0.5
    assert "not reached by 4 of 4 with 1, 1 of 4 with 2" in draw("information_depth", few).finding
    few["test_accuracy"][:] = 0.5
    few["label_information"][0] = 0.9
    figure = draw("information_depth", few)
    assert "bits: 0, " in figure.caption
    assert "Test accuracy ≥ 0.6: reached by none" in figure.finding


def test_the_change_of_a_replica_is_that_from_the_peak_of_the_others():
    curves = xr.DataArray(
        [[1.0, 5.0, 2.0], [2.0, 7.0, 3.0]], {"replica": [0, 1], "epoch": [0, 10, 30]}, ("replica", "epoch")
    )
    by, error, since = change(curves)
    assert (by, since) == (-3.5, 10)
    assert error == pytest.approx(0.5)
    assert math.isnan(change(curves[:1])[1])
    # noise alone gives no fall on average
    noise = np.random.default_rng(0).normal(size=(400, 5, 12))
    axes = {"replica": range(5), "epoch": range(12)}
    falls = [change(xr.DataArray(one, axes, ("replica", "epoch")))[0] for one in noise]
    assert abs(np.mean(falls)) < 3 * np.std(falls) / 20


def test_an_output_that_knows_more_than_its_layer_is_told():
    network = one(CUBE, 0).isel(estimator=0).copy(deep=True)
    network["label_information"][:] = 0.5
    assert violation(network) == 0
    network["label_information"].loc[{"layer": network["layer"].values[-1]}] = 0.7
    assert violation(network) == pytest.approx(0.2)


def test_tanh_is_compressed_and_relu_with_noise_is_not():
    """What the made up cube has is what the figure says."""
    tanh, relu = np.array(panels(draw("information_estimators", CUBE))).reshape(-1, 2).T
    said = [[ax.get_title().split("\n")[-1] for ax in column] for column in (tanh, relu)]
    assert max(float(text.split(" ")[0].replace("−", "-")) for text in said[0]) < -1.5
    assert said[1][3] == said[1][4] == "still rising at the end"


def test_few_data_forget_the_label():
    first, *_, last = panels(draw("information_training_fraction", CUBE))
    (most, few), (best, many) = (
        [float(ax.get_title().split(key)[1].split(" ")[0]) for key in ("at most ", "),\n")] for ax in (first, last)
    )
    assert few < most - 0.2
    assert many > best - 0.02
