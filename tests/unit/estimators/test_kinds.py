import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

from common import ESTIMATORS, ROOT, hidden_states, plugins
from infoflow import estimators
from infoflow.errors import InfoflowError
from infoflow.estimators import kinds as registry
from infoflow.estimators.estimate import estimate_all, output_names
from infoflow.estimators.kinds import check_options


def test_the_registry_names_the_modules():
    assert plugins(estimators, "estimate") == registry.kinds()
    assert sorted(options["kind"] for options in ESTIMATORS.values()) == registry.kinds()
    found = {kind: importlib.import_module(f"infoflow.estimators.{kind}") for kind in registry.kinds()}
    assert all(callable(module.estimate) for module in found.values())
    assert registry.outputs("kernel_density") == ("upper", "lower")
    assert registry.outputs("width_binning") == ("",)
    with pytest.raises(InfoflowError, match="'bining' is none of"):
        registry.outputs("bining")


@pytest.mark.parametrize("kind", registry.kinds())
def test_the_outputs_of_a_kind_are_those_of_its_module(kind):
    module = importlib.import_module(f"infoflow.estimators.{kind}")
    assert registry.outputs(kind) == getattr(module, "OUTPUTS", ("",))
    (options,) = [options for options in ESTIMATORS.values() if options["kind"] == kind]
    found = module.estimate(hidden_states(1, 20, 2), np.arange(20) % 2, options, seed=0)
    assert tuple(found) == registry.outputs(kind)


def test_names_of_outputs_are_those_of_the_estimates():
    """In the same order; the job that measures knows no table."""
    named = registry.output_names(ESTIMATORS)
    assert list(named) == output_names(ESTIMATORS)
    assert list(named) == list(estimate_all(hidden_states(1, 20, 2), np.arange(20) % 2, ESTIMATORS, seed=0))
    assert named["kernels_lower"] == named["kernels_upper"] == "kernels"
    twice = {"a": ESTIMATORS["kernels"], "a_lower": ESTIMATORS["width"]}
    with pytest.raises(InfoflowError, match="another estimator has an output a_lower, too; rename one"):
        registry.output_names(twice)


def test_the_registry_is_read_without_numpy():
    code = "import sys, infoflow.estimators.kinds; assert not {'numpy', 'torch', 'numba'} & set(sys.modules)"
    source = {"PYTHONPATH": str(ROOT / "workflow/src")}
    subprocess.run([sys.executable, "-c", code], env=os.environ | source, check=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "range_binning", "bins": 30, "low": -1}, "needs bins, low, high, and nothing else; given: bins, low"),
        ({"kind": "width_binning", "width": 0.1, "widht": 0.1}, "given: widht, width"),
        ({"kind": "width_binning", "width": 0}, "width is 0; it has to be above 0"),
        ({"kind": "kernel_density", "noise_variance": float("nan")}, "noise_variance is nan"),
        ({"kind": "kernel_density", "noise_variance": 1e-31}, "noise_variance is 1e-31; .* at least 1e-30"),
        ({"kind": "layer_range_binning", "bins": 1}, "bins is 1"),
        ({"kind": "layer_range_binning", "bins": 2.5}, "bins is 2.5; it has to be a whole number"),
        ({"kind": "range_binning", "bins": 30, "low": 1, "high": 1}, "low 1 is not below high 1"),
        ({"kind": "nearest_neighbours", "neighbours": 3, "noise_variance": 1, "draws": 3}, "draws is 3"),
        ({"kind": "nearest_neighbours", "neighbours": 3, "noise_variance": 1, "draws": 65}, "draws is 65"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(InfoflowError, match=message):
        check_options(options["kind"], options, "estimators.mine")
