import contextlib
import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import ROOT, SCHEMA, load_config
from infoflow import architectures, datasets
from infoflow.config import DATASET_OPTIONS, UNLABELLED, check_config, settings
from infoflow.errors import InfoflowError
from infoflow.grid import Grid


def changed(**changes) -> dict:
    """The default config with changes like experiments__digits__depth=[5]."""
    config = copy.deepcopy(load_config())
    for path, value in changes.items():
        *way, last = path.split("__")
        entry = config
        for key in way:
            entry = entry.setdefault(key, {})
        entry[last] = value
    return config


def merged(base: dict, overlay: dict) -> dict:
    both = dict(base)
    for key, value in overlay.items():
        both[key] = merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return both


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "config").glob("*.yaml")))
def test_every_shipped_config_is_accepted(name):
    overlay = load_config(name)
    config = check_config(merged(load_config(), overlay), SCHEMA)
    assert Grid(config).probes()


def test_filling_in_defaults_is_idempotent():
    once = check_config(load_config(), SCHEMA)
    assert check_config(once, SCHEMA) == once
    assert once["train"]["readout"] == "logits"


def test_a_data_set_overrides_the_common_settings():
    config = check_config(changed(probe__epochs=7), SCHEMA)
    assert settings(config, "probe", "mnist")["epochs"] == 7
    assert settings(config, "probe", "digits")["epochs"] == 20


def test_the_options_of_data_sets_have_no_defaults_in_the_schema():
    own = {"kind": "image_folder", "path": "own", "train_samples": 10, "test_samples": 10}
    noise = {"kind": "white_noise", "shape": [4, 4, 3], "train_samples": 10, "test_samples": 10}
    config = check_config(changed(datasets__own=own, datasets__noise=noise), SCHEMA)
    assert config["datasets"]["own"] == own
    assert config["datasets"]["noise"] == noise
    assert config["datasets"]["cifar10"] == {"kind": "cifar10"}


def test_null_switches_an_experiment_off():
    other = {"dataset": "mnist", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}
    config = check_config(changed(experiments={"digits": None, "other": other}), SCHEMA)
    assert list(config["experiments"]) == ["other"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trian": {}}, "trian: unknown key; did you mean train"),
        ({"train__epoch": 3}, "train.epoch: unknown key; did you mean epochs"),
        ({"experiments__digits__dataset": "digit"}, "unknown dataset 'digit'; did you mean digits"),
        ({"experiments__digits__architecture": "transformer"}, "unknown architecture 'transformer'"),
        ({"experiments__digits__truth_dataset": "nothing"}, "unknown truth_dataset 'nothing'"),
        ({"datasets__digits__kind": "imagenet"}, "datasets.digits.kind: 'imagenet'"),
        ({"architectures__mlp__activation": "sigmoid"}, "architectures.mlp.activation: 'sigmoid'"),
        ({"experiments__digits__sigma_w2": [-0.1]}, r"experiments.digits.sigma_w2\[0\]: -0.1"),
        ({"experiments__digits__sigma_w2": []}, "experiments.digits.sigma_w2"),
        ({"experiments__digits__sigma_w2": {"start": 1, "stop": 2}}, "needs either num or step"),
        ({"experiments__digits__sigma_w2": {"start": 1, "stop": 2, "num": 2, "step": 1}}, "needs either num or step"),
        ({"experiments__digits__sigma_w2": "1.0"}, "neither a list nor"),
        ({"experiments__digits__sigma_w2": [float("nan")]}, r"sigma_w2\[0\]: nan"),
        ({"experiments__digits__sigma_w2": [True]}, "True is not of type"),
        ({"experiments__digits__depth": [0]}, r"depth\[0\]: 0"),
        ({"experiments__digits__depth": [2.5]}, r"depth\[0\]: 2.5"),
        ({"experiments__x__dataset": "mnist"}, "experiments.x: 'architecture' is a required property"),
        ({"experiments__digits": None}, "experiments: there is none"),
        ({"experiments": {"../x": {}}}, "experiments"),
        ({"run__replicas": 0}, "run.replicas: 0"),
        ({"run": None}, "run: None"),
        ({"experiments__digits__dataset": "white_noise"}, "no labels to train on"),
        (
            {"experiments__digits__truth": False},
            "digits.decisions: they are those of a trained network",
        ),
        ({"experiments__digits__decisions__layer": 3}, "digits.decisions.layer: unknown key"),
        ({"experiments__digits__decisions": {"depth": 3}}, "digits.decisions: 'sigma_w2' is a required property"),
        ({"experiments__digits__decisions__images": 0}, "digits.decisions.images: 0"),
        ({"datasets__noise": {"kind": "white_noise"}}, "datasets.noise.shape: white_noise needs it"),
        ({"datasets__digits__shape": [3, 3]}, "only white_noise has a shape"),
        ({"datasets__white_noise__shape": [3]}, r"datasets.white_noise.shape: \[3\]"),
        ({"datasets__white_noise__shape": [3, 3, 4]}, r"datasets.white_noise.shape\[2\]: 3 was expected"),
        ({"datasets__mnist__colour": True}, "mnist.colour: only cifar10, image_folder and photographs have a colour"),
        ({"datasets__cifar10__size": 16}, "datasets.cifar10.size: only image_folder and photographs have a size"),
        ({"datasets__cifar10__colour": "grey"}, "datasets.cifar10.colour: 'grey'"),
        ({"datasets__photos": {"kind": "photographs"}}, "datasets.photos.train_samples: photographs needs it"),
        ({"datasets__own": {"kind": "image_folder", "path": ""}}, "datasets.own.path"),
        ({"datasets__own": {"kind": "image_folder"}}, "datasets.own.path: image_folder needs it"),
    ],
)
def test_bad_configs_are_refused_in_one_line_that_names_the_key(change, message):
    with pytest.raises(InfoflowError, match=message) as refusal:
        check_config(changed(**change), SCHEMA)
    assert "\n" not in str(refusal.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["run", "datasets", "probe", "experiments", "data_root", "new"]), json_values)
def test_no_config_breaks_the_checker(section, value):
    with contextlib.suppress(InfoflowError):
        Grid(check_config(changed(**{section: value}), SCHEMA))


def test_the_schema_knows_every_registered_kind():
    import yaml

    defs = yaml.safe_load(SCHEMA.read_text())["$defs"]
    assert sorted(defs["dataset"]["properties"]["kind"]["enum"]) == datasets.kinds()
    assert sorted(defs["architecture"]["properties"]["kind"]["enum"]) == architectures.kinds()
    assert sorted(DATASET_OPTIONS) == datasets.kinds()
    assert set(datasets.kinds()) >= UNLABELLED
