import ast
import importlib
import sys
from pathlib import Path

import pytest
import yaml

from common import ROOT, SCHEMA, one_experiment, plugins
from infoflow import predictors
from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.errors import InfoflowError
from infoflow.plan import Plan
from infoflow.predictors import kinds
from infoflow.predictors.kinds import PREDICTORS
from infoflow.studies.trainability.scores import FREE


def test_the_registry_names_all_modules():
    assert sorted(PREDICTORS) == plugins(predictors, "measure", "modular", "untrained")
    for name, about in PREDICTORS.items():
        assert about.needs in ("nothing", "theory", "forward", "gradient", "second gradient"), name
        assert all(getattr(about, field) for field in ("title", "formula", "raw", "cost", "source"))


@pytest.mark.parametrize("name", PREDICTORS)
def test_a_predictor_says_what_architectures_it_cannot_score(name):
    module = importlib.import_module(f"infoflow.predictors.{name}")
    assert callable(module.score)
    assert getattr(module, "UNSUITED", {}).keys() <= ARCHITECTURES.keys()


def test_the_config_can_name_all_that_need_a_network():
    names = yaml.safe_load(SCHEMA.read_text())["properties"]["predictors"]["properties"]["names"]
    assert names["default"] == names["items"]["enum"]
    assert sorted(names["default"]) == sorted(PREDICTORS.keys() - set(FREE))


def test_an_unknown_predictor_is_refused_before_a_job_is_planned():
    config = one_experiment({"kind": "digits"}, predictors={"names": ["naswto"]})
    with pytest.raises(InfoflowError, match=r"predictors.names\[0\]: 'naswto' is not one of \[.*'naswot'"):
        Plan(config, ROOT)


def test_the_registry_needs_the_standard_library_only():
    """What is imported at the top of the module: every parse of the workflow reads it."""
    tree = ast.parse(Path(kinds.__file__).read_text())
    imported = {a.name for n in tree.body if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module for n in tree.body if isinstance(n, ast.ImportFrom)}
    assert imported <= sys.stdlib_module_names | {"collections.abc"}
