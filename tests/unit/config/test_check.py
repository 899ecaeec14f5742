import contextlib
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common import ROOT, SCHEMA, changed_config, load_config
from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.config.check import check_config, merge_config, read_config, with_point
from infoflow.datasets.kinds import DATASETS
from infoflow.errors import InfoflowError
from infoflow.plan import Plan
from infoflow.predictors.kinds import PREDICTORS
from infoflow.reconstruction.kinds import METHODS

SHIPPED = sorted(p.stem for p in (ROOT / "config").glob("*.yaml"))
OVERLAYS = {"slower": "config"}
"""Shipped files that are laid over another one."""
OTHER = {"dataset": "mnist", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}

NOISE = {"kind": "white_noise", "train_samples": 10, "test_samples": 10}


def shipped(name: str) -> dict:
    """A shipped config as it is meant to be used."""
    return merge_config([*([load_config(OVERLAYS[name])] if name in OVERLAYS else []), load_config(name)])


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_config_is_accepted(name):
    plan = Plan(shipped(name), ROOT)
    assert plan.of["trainability"].grid.probes() or plan.of["check_calibration"].names()
    assert plan.wanted()


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in OVERLAYS])
def test_a_config_stands_alone_and_computes_nothing_but_what_it_names(name):
    config = load_config(name)
    named = {
        "trainability": list(config["experiments"]),
        "ising": ["ising_1d", "ising_2d"] if config.get("ising") is not None else [],
        "information_plane": ["information_plane"] if config.get("information_plane") else [],
        "check_calibration": ["check_calibration"] if config.get("check_calibration") is not None else [],
        **{
            kind: [f"{kind}_{entry}" for entry in config.get(kind, {})]
            for kind in ("network_entropy", "probing_budget")
        },
        "maps": [f"map_{entry}" for entry in config.get("maps", {})],
    }
    plan = Plan(config, ROOT)
    about_others = "leaderboard", "recommendation", "claims"
    made = {kind: list(study.cubes()) for kind, study in plan.of.items() if kind not in about_others}
    assert {k: sorted(v) for k, v in made.items() if v} == {k: sorted(v) for k, v in named.items() if v}


def test_filling_in_defaults_is_idempotent():
    once = check_config(load_config(), SCHEMA)
    assert check_config(once, SCHEMA) == once
    assert once["train"]["readout"] == "logits"


def test_an_architecture_has_the_defaults_of_its_kind_and_nothing_else():
    simple = [kind for kind, about in ARCHITECTURES.items() if not about.needed]
    given = {kind: {"kind": kind, "probe": {"epochs": 2}, "train": {}} for kind in simple}
    given["mlp"] = {"kind": "mlp", "width": 7}
    config = check_config({"architectures": given}, SCHEMA)
    for kind in set(given) - {"mlp"}:
        assert config["architectures"][kind] == given[kind] | ARCHITECTURES[kind].defaults
    assert config["architectures"]["mlp"] == {"kind": "mlp", **ARCHITECTURES["mlp"].defaults, "width": 7}


def test_the_options_of_data_sets_have_no_defaults_in_the_schema():
    own = {"kind": "image_folder", "path": "own", "train_samples": 10, "test_samples": 10}
    noise = {"kind": "white_noise", "shape": [4, 4, 3], "train_samples": 10, "test_samples": 10}
    config = check_config({"datasets": {"own": own, "noise": noise}}, SCHEMA)
    assert config["datasets"]["own"] == own
    assert config["datasets"]["noise"] == noise
    assert config["datasets"]["cifar10"] == {"kind": "cifar10"}


def test_what_needs_no_more_than_the_name_of_its_kind_is_there():
    config = check_config({}, SCHEMA)
    assert config["datasets"] == {name: {"kind": name} for name, kind in DATASETS.items() if not kind.needed}
    simple = {name: kind.defaults for name, kind in ARCHITECTURES.items() if not kind.needed}
    assert config["architectures"] == {name: {"kind": name} | defaults for name, defaults in simple.items()}
    changes = {"datasets": {"mnist": {"train_samples": 9}, "cifar10": None}, "architectures": {"mlp": {"width": 3}}}
    changed = check_config(changes, SCHEMA)
    assert changed["datasets"] == config["datasets"] | {"mnist": {"kind": "mnist", "train_samples": 9}}
    assert changed["architectures"]["mlp"] == config["architectures"]["mlp"] | {"width": 3}
    # a name may be that of another kind
    assert check_config({"datasets": {"mnist": {"kind": "digits"}}}, SCHEMA)["datasets"]["mnist"] == {"kind": "digits"}


def test_null_switches_an_experiment_off():
    config = check_config(changed_config(experiments={"digits": None, "other": OTHER}), SCHEMA)
    assert list(config["experiments"]) == ["other"]


def test_the_probing_budget_of_an_experiment_that_is_switched_off_is_off():
    config = check_config(changed_config(experiments={"digits": None, "other": OTHER}), SCHEMA)
    assert config["probing_budget"] == {}


def test_estimators_and_networks_of_the_information_plane_can_be_switched_off():
    changes = {"information_plane__estimators__kernel": None, "information_plane__networks__depths": None}
    default, config = (check_config(changed_config(**c), SCHEMA)["information_plane"] for c in ({}, changes))
    assert set(default["estimators"]) - set(config["estimators"]) == {"kernel"}
    assert set(default["networks"]) - set(config["networks"]) == {"depths"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trian": {}}, "trian: unknown key; did you mean train"),
        ({"train__epoch": 3}, "train.epoch: unknown key; did you mean epochs"),
        ({"datasets__digits__kind": "imagenet"}, "datasets.digits.kind: 'imagenet'"),
        ({"architectures__mlp__activation": "swish"}, "architectures.mlp.activation: 'swish'"),
        ({"architectures__mlp__channels": 3}, "mlp.channels: mlp has no channels; its keys: activation, layout, width"),
        ({"architectures__cnn__layout": "wide"}, "cnn.layout: cnn has no layout; its keys: activation, channels"),
        ({"architectures__resnet__head": [4]}, "architectures.resnet.head: resnet has no head"),
        ({"architectures__cnn__weights": "a.pth"}, "architectures.cnn.weights: cnn has no weights"),
        ({"architectures__vgg16__activation": "tanh"}, "architectures.vgg16.activation: that of vgg16 is relu"),
        ({"architectures__vgg16__weights_sha256": "abc"}, "architectures.vgg16.weights_sha256: 'abc'"),
        ({"architectures__cnn__channels": 0}, "architectures.cnn.channels: 0"),
        ({"architectures__mlp__probe__epoch": 3}, "mlp.probe.epoch: unknown key; did you mean epochs"),
        ({"architectures__mlp__train__success_accuracy": 2}, "mlp.train.success_accuracy: 2"),
        ({"architectures__own__width": 3}, "architectures.own: 'kind' is a required property"),
        ({"probe__show_channels": [[0, 1]]}, r"probe.show_channels\[0\]\[0\]: 0"),
        ({"probe__show_channels": [[1]]}, r"probe.show_channels\[0\]: \[1\]"),
        ({"probe__show_channels": [[1, 2, 3]]}, r"probe.show_channels\[0\]: \[1, 2, 3\]"),
        ({"train__readout": "softmax"}, "train.readout: 'softmax'"),
        ({"experiments__digits__sigma_w2": [-0.1]}, r"experiments.digits.sigma_w2\[0\]: -0.1"),
        ({"experiments__digits__sigma_w2": []}, "experiments.digits.sigma_w2"),
        ({"experiments__digits__sigma_w2": {"start": 1, "stop": 2}}, "needs either num or step"),
        ({"experiments__digits__sigma_w2": {"start": 1, "stop": 2, "num": 2, "step": 1}}, "needs either num or step"),
        ({"experiments__digits__sigma_w2": "1.0"}, "neither a list nor"),
        ({"experiments__digits__sigma_w2": [float("nan")]}, r"sigma_w2\[0\]: nan"),
        ({"experiments__digits__sigma_w2": [True]}, "True is not of type"),
        ({"experiments__digits__sigma_b2": ["2e-5"]}, r"sigma_b2\[0\]: '2e-5' is not .* 'number'; .*; write 2.0e-5$"),
        ({"train__learning_rate": "1.e5"}, "train.learning_rate: '1.e5' is not .* 'number'; .*; write 1.e\\+5$"),
        ({"run__seed": "1"}, "run.seed: '1' is not .* 'integer'; write it without quotation marks, and in a file for"),
        ({"run__keep_reconstructions": "false"}, "run.keep_reconstructions: 'false' is not .* 'boolean'; write it wit"),
        ({"run__seed": "one"}, "run.seed: 'one' is not of type 'integer'$"),
        ({"experiments__digits__depth": [0]}, r"depth\[0\]: 0"),
        ({"experiments__digits__depth": [2.5]}, r"depth\[0\]: 2.5"),
        ({"experiments__x__dataset": "mnist"}, "experiments.x: 'architecture' is a required property"),
        ({"experiments": {"../x": {}}}, "experiments"),
        ({"run__replicas": 0}, "run.replicas: 0"),
        ({"run__studies": [1]}, r"run.studies\[0\]: 1 is not of type 'string'"),
        ({"run__studies": []}, "run.studies: "),
        ({"run": None}, "run: None"),
        ({"experiments__digits__decisions__layer": 3}, "digits.decisions.layer: unknown key"),
        ({"experiments__digits__decisions": {"depth": 3}}, "digits.decisions: 'sigma_w2' is a required property"),
        ({"experiments__digits__decisions__images": 0}, "digits.decisions.images: 0"),
        ({"datasets__noise": {"kind": "white_noise"}}, "datasets.noise.shape: white_noise needs it"),
        ({"datasets__white_noise": {}}, "datasets.white_noise: 'kind' is a required property"),
        ({"datasets__digits__shape": [3, 3]}, "only white_noise has a shape"),
        ({"datasets__noise": NOISE | {"shape": [3]}}, r"datasets.noise.shape: \[3\]"),
        ({"datasets__noise": NOISE | {"shape": [3, 3, 4]}}, r"datasets.noise.shape\[2\]: 3 was expected"),
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
        check_config(changed_config(**change), SCHEMA)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["2e-5", "-3E7", "1.5e+3", "12.e-0", "7e+300"])
def test_the_remedy_for_an_exponent_is_a_number_to_yaml(text):
    assert yaml.safe_load(with_point(text)) == float(text)
    assert with_point("0.001") == "0.001"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(["run", "datasets", "architectures", "probe", "experiments", "data_root", "ising", "new"]),
    json_values,
)
def test_no_config_breaks_the_checker(section, value):
    with contextlib.suppress(InfoflowError):
        Plan(changed_config(**{section: value}), ROOT)


def test_the_schema_knows_every_registered_kind():
    schema = yaml.safe_load(SCHEMA.read_text())
    defs = schema["$defs"]
    assert sorted(defs["dataset"]["properties"]["kind"]["enum"]) == sorted(DATASETS)
    assert sorted(defs["architecture"]["properties"]["kind"]["enum"]) == sorted(ARCHITECTURES)
    keys = {key for kind in ARCHITECTURES.values() for key in (*kind.needed, *kind.defaults)}
    assert set(defs["architecture"]["properties"]) == {"kind", "probe", "train", *keys}
    keys = {key for kind in DATASETS.values() for key in (*kind.needed, *kind.optional)}
    always = {"kind", "train_samples", "test_samples", "probe", "train", "architectures"}
    assert set(defs["dataset"]["properties"]) == always | keys
    assert sorted(defs["method"]["then"]["enum"]) == sorted(METHODS)
    predictors = schema["properties"]["predictors"]["properties"]["names"]["items"]["enum"]
    assert sorted([*predictors, "mean_field", "negative_depth"]) == sorted(PREDICTORS)
    options = {key for method in METHODS.values() for key in method.options}
    others = {"method", "evaluation_samples", "show_channels"}
    assert set(defs["probe"]["properties"]) == set(defs["probe_changes"]["properties"]) == options | others


def test_a_config_file_is_read_as_it_is(tmp_path):
    (tmp_path / "a.yaml").write_text("run: {name: für σ_w², seed: 3}\n", encoding="utf-8")
    assert read_config(tmp_path / "a.yaml") == {"run": {"name": "für σ_w²", "seed": 3}}
    (tmp_path / "empty.yaml").touch()
    assert read_config(tmp_path / "empty.yaml") == {}


@pytest.mark.parametrize("contents", [b"a: [", b"- a\n", b"text", b"\xff", b"!!python/name:os.system", None], ids=repr)
def test_what_is_no_config_file_is_refused_in_one_line(tmp_path, contents):
    path = tmp_path / "a.yaml"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(InfoflowError, match=f"^{re.escape(str(path))}: not a config file \\(") as refusal:
        read_config(path)
    assert "\n" not in str(refusal.value)
