import importlib

from common import PROBES, plugins
from infoflow import reconstruction
from infoflow.reconstruction.kinds import METHODS

FITTED = sorted(name for name, about in METHODS.items() if about.plugin)
"""Methods that find reconstruction networks; the others reconstruct without."""


def test_the_table_names_the_modules():
    assert plugins(reconstruction, "cascade", "cases", "divergence", "fit", "kernel", "walk") == FITTED
    for name in FITTED:
        assert callable(importlib.import_module(f"infoflow.reconstruction.{name}").fit)


def test_every_method_has_an_example():
    """With the options that the table says it uses."""
    assert sorted(PROBES) == FITTED
    for name, options in PROBES.items():
        assert set(options) == {"method", *METHODS[name].options}
