import importlib

from common import PROBES, plugins
from infoflow import reconstruction
from infoflow.reconstruction.kinds import METHODS


def test_the_table_names_the_modules():
    assert sorted(METHODS) == plugins(reconstruction, "cascade", "cases", "divergence", "fit", "walk")
    for name in METHODS:
        assert callable(importlib.import_module(f"infoflow.reconstruction.{name}").fit)


def test_every_method_has_an_example():
    """With the options that the table says it uses."""
    assert sorted(PROBES) == sorted(METHODS)
    for name, options in PROBES.items():
        assert set(options) == {"method", *METHODS[name].options}
