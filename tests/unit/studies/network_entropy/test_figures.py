"""Figures of the relative entropy through networks, from results that are made up."""

import importlib
import math
import re

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

mpl.use("Agg")
import matplotlib.pyplot as plt

from infoflow.figures.style import STYLE
from infoflow.files.conventions import MISSING
from infoflow.files.names import encode
from infoflow.files.results import Result
from infoflow.studies.network_entropy.figures._shared import say_changes, step_back
from infoflow.studies.network_entropy.merge_network_entropy import merge_entropy
from infoflow.studies.network_entropy.plan import NetworkEntropy
from infoflow.studies.network_entropy.theory import closed_form
from infoflow.studies.network_entropy.variables import BINS


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


def merge(results, activation="tanh") -> xr.Dataset:
    architecture = {"kind": "mlp", "layout": "wide", "width": 12, "activation": activation, "head": [5]}
    return merge_entropy(results, dataset="tiny", architecture=architecture, attributes={"title": "test"})


CUBES = {
    "whole": {},
    "one of everything": {"replicas": 1, "images": 1, "weights": (1.5,), "depths": (4,)},
    "untrained": {"trained": True},
    "shallow": {"depths": (1,)},
    "relu": {"activation": "relu"},
    "erf": {"activation": "erf"},
    "without an edge": {"activation": "gelu"},
    "sigmoid": {"activation": "sigmoid"},
}


@pytest.mark.parametrize("kind", CUBES)
@pytest.mark.parametrize("name", NetworkEntropy.FIGURES)
@pytest.mark.filterwarnings("error")
def test_figures_are_drawn(name, kind, tmp_path):
    options = CUBES[kind].copy()
    cube = merge(made_up(**options), options.get("activation", "tanh"))
    with plt.rc_context(STYLE):
        figure = importlib.import_module(f"infoflow.studies.network_entropy.figures.{name}").draw(cube)
        figure.savefig(tmp_path / "figure.png")
        for ax in figure.axes:
            assert ax.has_data()
        assert figure.finding
        assert figure.caption
        plt.close(figure)


@pytest.mark.parametrize("name", NetworkEntropy.FIGURES)
@pytest.mark.filterwarnings("error")
def test_figures_are_drawn_without_theory(name, tmp_path):
    """Of an activation that mean-field theory does not know: what was measured, and no theory."""
    cube = merge(made_up(), "tanhshrink")
    assert cube["closed_form"].isnull().all()
    with plt.rc_context(STYLE):
        figure = importlib.import_module(f"infoflow.studies.network_entropy.figures.{name}").draw(cube)
        figure.savefig(tmp_path / "figure.png")
        said = " ".join([figure.get_suptitle(), *(text.get_text() for text in figure.texts)])
        drawn = [str(line.get_label()) for ax in figure.axes for line in ax.lines]
        filled = [ax.has_data() for ax in figure.axes]
        plt.close(figure)
    if name in ("network_maps", "network_collapse"):
        assert "theory does not know" in said
    else:
        assert filled
        assert all(filled)
        assert not any("mean field" in label or "xi_c" in label for label in drawn)


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
