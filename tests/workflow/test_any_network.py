"""Networks that are modules of PyTorch, through the whole workflow: probe, boundary, full training, scores, figures."""

import json
import os
import re

import numpy as np
import pytest

from infoflow.files.conventions import OK
from infoflow.files.results import read_result
from infoflow.studies.trainability.cube import read_trainability
from published import install

RESIDUAL = {
    "kind": "layers",
    "initialization": "he",
    "layers": [
        {"conv": 4, "stride": 2},
        {"norm": "batch"},
        {"activation": "relu"},
        {
            "repeat": "depth",
            "layers": [
                {"residual": [{"conv": 4}, {"norm": "batch"}, {"activation": "relu"}, {"conv": 4}], "scale": 0.5},
                {"activation": "relu"},
                {"dropout": 0.1},
            ],
        },
        "average",
    ],
}
CUBES = ("results/cubes/residual.nc", "results/cubes/acme.nc")
SCORES = ("gradient_norm", "gradient_ratio", "jacobian_covariance", "ntk_condition", "snip")


@pytest.fixture
def run(checkout, tmp_path_factory):
    """A checkout with both networks on the digits, and the environment that has the package of one of them."""
    package = install(tmp_path_factory.mktemp("site"))
    entry = {"dataset": "digits", "sigma_w2": [1.0, 2.0], "sigma_b2": [0.0], "depth": [1, 3]}
    checkout.write(
        "any.yaml",
        {
            "run": {"name": "any", "replicas": 2},
            "datasets": {
                "digits": {
                    "train_samples": 100,
                    "test_samples": 40,
                    "probe": {"kernel_samples": 30, "evaluation_samples": 20},
                    "train": {"epochs": 3, "batch_size": 33, "learning_rate": [0.1, 0.3], "success_accuracy": 0.3},
                }
            },
            "architectures": {
                "residual": {**RESIDUAL, "train": {"momentum": 0.5}},
                "acme": {"kind": "module", "factory": "make", "options": {"width": 7}, "train": {"optimizer": "adamw"}},
            },
            "predictors": {"names": ["naswot", "synflow", *SCORES], "batch_size": 16},
            "experiments": {
                "residual": {**entry, "architecture": "residual", "truth": "boundary"},
                "acme": {**entry, "architecture": "acme", "sigma_w2": [1.0]},
            },
        },
    )
    return checkout, {"PYTHONPATH": os.pathsep.join([*checkout.path, str(package)])}


def test_any_network_goes_through_the_whole_workflow(run):
    checkout, environment = run
    wanted = [*CUBES, *(f"results/figures/residual/{name}.png" for name in ("overview", "boundary", "reconstructions"))]
    done = checkout.snakemake(*wanted, config="any.yaml", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    residual, acme = (read_trainability(checkout.root / cube) for cube in CUBES)
    # a convolution, a residual block per unit of the depth, and the mean: counted as they are
    assert residual["layers"].values.tolist() == [3, 5]
    assert acme["layers"].values.tolist() == [1, 3]
    for cube in (residual, acme):
        assert cube["differential_entropy"].dims == ("sigma_w2", "sigma_b2", "depth", "replica", "layer")
        deepest = cube.isel(depth=-1)
        assert (deepest["probe_status"] == OK).all()
        assert deepest["differential_entropy"].notnull().all()
        assert "pre_activation_variance" not in cube
        assert set(np.unique(cube["trainable"])) <= {-1, 0, 1}
        assert cube["threshold_depth"].notnull().all()
        scored = cube["prediction_score"].sel(score=list(SCORES))
        assert scored.notnull().any(("sigma_w2", "sigma_b2", "depth", "replica")).all()
        assert cube["prediction_score"].sel(score="synflow").isnull().all()
    assert residual["prediction_score"].sel(score="naswot").notnull().any()
    assert (acme["train_status"].isel(learning_rate=0) == OK).all()
    assert json.loads(acme.attrs["architecture"])["package"] == "acme_nets 1.2"
    probe = read_result(checkout.root / "results/probe_kernel/digits/residual/w1.000000_b0.000000_d003.nc")
    names = [f"residual{k}" for k in (1, 2, 3)]
    assert list(probe.attributes["layer_names"]) == ["conv1", *names, "average1"]
    assert np.atleast_1d(probe.attributes["layer_widths"]).tolist() == [64, 64, 64, 64, 4]
    again = checkout.snakemake("--dry-run", "all_figures", config="any.yaml", **environment)
    assert re.search(r"^figure_entropy_maps +2$", again.stdout, re.MULTILINE)
    # of pre-activations that nobody knows
    assert "figure_initialization" not in again.stdout
    assert "merge_cube" not in again.stdout


def test_a_package_that_is_not_installed_is_refused_in_one_line(run):
    checkout, _ = run
    done = checkout.snakemake("--dry-run", config="any.yaml")
    assert done.returncode != 0
    message = "config: architectures.acme.factory: unknown factory 'make'; no installed package publishes any"
    output = done.stdout + done.stderr
    assert len([line for line in output.splitlines() if message in line]) == 1, output
    assert "Traceback" not in output
