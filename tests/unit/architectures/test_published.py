"""Architectures of installed packages: looked up by name, never by a module that a config names."""

import re
import sys

import pytest

from common import ROOT, modular_experiment
from infoflow.architectures.published import find_factory, package_of
from infoflow.errors import InfoflowError
from infoflow.plan import Plan
from published import install


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The directory of a package that is installed for the time of a test."""
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "acme_nets"
    sys.modules.pop("acme_nets", None)


def plan(**options):
    return Plan(modular_experiment({"kind": "module", **options}), ROOT)


def test_a_factory_is_found_with_its_package_and_nothing_is_imported(package):
    assert package_of(find_factory("make")) == "acme_nets 1.2"
    options = plan(factory="make", options={"width": 5}).config["architectures"]["own"]
    assert options["package"] == "acme_nets 1.2"
    assert plan(factory="make", package="acme_nets 1.2").wanted() == ["own"]
    assert not (package / "imported").exists()
    assert "acme_nets" not in sys.modules


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "config: architectures.own.factory: missing, but kind module needs it"),
        ({"factory": "mak"}, "own.factory: unknown factory 'mak'; did you mean make? there are make, make_a_list"),
        ({"factory": "acme_nets:make"}, "own.factory: unknown factory 'acme_nets:make'; "),
        ({"factory": "os.system"}, "own.factory: unknown factory 'os.system'; there are make, make_a_list"),
        ({"factory": "acme_nets"}, "own.factory: unknown factory 'acme_nets'; "),
        ({"factory": "make", "package": "acme_nets 1.1"}, "own.package: 'acme_nets 1.1', but there is 'acme_nets 1.2'"),
        ({"factory": "make", "options": {"depth": 3}}, "own.options.depth: no name that an option can have; a factory"),
        ({"factory": "make", "options": {"a b": 3}}, "own.options.a b: no name that an option can have"),
        ({"factory": "make", "options": {"class": 3}}, "own.options.class: no name that an option can have"),
        ({"factory": "make", "options": {"width": [3]}}, "own.options.width: [3] is not of type"),
        ({"factory": "make", "weights": "trained"}, "own.weights: 'trained'; of module they are gaussian or own"),
        (
            {"factory": "make", "model": "resnet18"},
            "own.model: module has no model; its keys: factory, options, package",
        ),
    ],
    ids=str,
)
def test_what_is_not_published_is_refused_in_one_line_and_not_imported(package, options, message):
    with pytest.raises(InfoflowError, match=re.escape(message)) as refusal:
        plan(**options)
    assert "\n" not in str(refusal.value)
    assert not (package / "imported").exists()


def test_a_name_that_two_packages_publish_is_refused(package, tmp_path):
    install(tmp_path, "other_nets", "0.1")
    with pytest.raises(InfoflowError, match="several packages publish 'make': acme_nets 1.2, other_nets 0.1"):
        plan(factory="make")


def test_without_packages_the_refusal_says_so():
    with pytest.raises(
        InfoflowError, match="'make'; no installed package publishes any through infoflow.architectures"
    ):
        plan(factory="make")
