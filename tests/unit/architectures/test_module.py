"""Networks that an installed package publishes."""

import sys

import pytest
import torch

from infoflow.architectures.build import build_network
from infoflow.architectures.modular import draw_module
from infoflow.engine.initialization import Ensemble
from infoflow.errors import InfoflowError
from published import install

ONE = Ensemble(1.0, 0.0, 0, [0])


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "acme_nets"
    sys.modules.pop("acme_nets", None)


def draw(factory, package="acme_nets 1.2", **options):
    entry = {"kind": "module", "factory": factory, "options": options, "package": package, "weights": "gaussian"}
    return draw_module(build_network(entry, (8, 7, 3), 4, 2), ONE, 0)


def test_the_factory_gets_shape_classes_depth_and_options():
    module = draw("make", width=5)
    assert [tuple(layer.weight.shape) for layer in module.layers] == [(5, 3 * 8 * 7), (5, 5)]
    assert module(torch.rand(2, 3, 8, 7)).shape == (2, 4)


@pytest.mark.parametrize(
    ("factory", "options", "message"),
    [
        ("make_a_list", {}, "^factory make_a_list of acme_nets 1.2: gives a list, not a torch.nn.Module$"),
        ("make_nothing", {}, "of acme_nets 1.2: cannot be made: RuntimeError, not today, sorry$"),
        ("make", {"height": 3}, "cannot be made: TypeError, make.. got an unexpected keyword argument 'height'$"),
        ("make_other_scores", {}, "of two images 3 x 8 x 7 it gives .2, 5., not scores .2, 4.$"),
    ],
)
def test_what_is_no_network_is_refused_in_one_line(factory, options, message):
    with pytest.raises(InfoflowError, match=message) as refusal:
        draw(factory, **options)
    assert "\n" not in str(refusal.value)


def test_another_version_than_that_of_the_plan_is_refused():
    with pytest.raises(InfoflowError, match="planned with acme_nets 1.1, but here is acme_nets 1.2"):
        draw("make", "acme_nets 1.1")


@pytest.mark.parametrize("name", ["os:system", "os.system", "acme_nets", "acme_nets:make", "../acme_nets", ""])
def test_what_is_not_published_is_not_imported(package, name):
    """Even if a job was told of it."""
    with pytest.raises(InfoflowError, match="unknown factory"):
        draw(name)
    assert not (package / "imported").exists()
