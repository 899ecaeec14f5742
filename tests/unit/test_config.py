import contextlib
import copy
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common import ROOT, SCHEMA, load_config
from infoflow import architectures, datasets
from infoflow.config import (
    ARCHITECTURE_OPTIONS,
    DATASET_OPTIONS,
    UNLABELLED,
    architecture_options,
    budget_options,
    check_config,
    entropy_points,
    entropy_training,
    ising_options,
    merge_config,
    probe_methods,
    probe_options,
    settings,
    studies,
    with_point,
)
from infoflow.errors import InfoflowError
from infoflow.figures import STUDIES
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
    return merge_config([base, overlay])


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "config").glob("*.yaml")))
def test_every_shipped_config_is_accepted(name):
    overlay = load_config(name)
    config = check_config(merged(load_config(), overlay), SCHEMA)
    assert Grid(config).probes()


def test_a_config_with_experiments_of_its_own_computes_no_default_one():
    overlays = {p.stem: load_config(p.stem) for p in (ROOT / "config").glob("*.yaml") if p.stem != "config"}
    own = {name: {e for e, v in o.get("experiments", {}).items() if v} for name, o in overlays.items()}
    computed = {name: set(check_config(merged(load_config(), overlays[name]), SCHEMA)["experiments"]) for name in own}
    assert {name: computed[name] - own[name] for name in own if own[name]} == {name: set() for name in own if own[name]}
    assert all("ising" in overlays[name] for name in own if own[name])


def test_filling_in_defaults_is_idempotent():
    once = check_config(load_config(), SCHEMA)
    assert check_config(once, SCHEMA) == once
    assert once["train"]["readout"] == "logits"


def test_a_data_set_overrides_the_common_settings():
    config = check_config(changed(probe__epochs=7), SCHEMA)
    assert settings(config, "probe", "mnist", "mlp")["epochs"] == 7
    assert settings(config, "probe", "digits", "mlp")["epochs"] == 20


def test_the_word_of_an_architecture_goes_before_that_of_a_data_set():
    own = {"kind": "mlp", "probe": {"epochs": 3, "method": "ridge"}, "train": {"momentum": 0.9}}
    config = check_config(changed(architectures__own=own, train__momentum=0.1), SCHEMA)
    found = settings(config, "probe", "digits", "own")
    assert (found["epochs"], found["batch_size"]) == (3, config["datasets"]["digits"]["probe"]["batch_size"])
    assert settings(config, "probe", "digits", "mlp")["epochs"] == 20
    assert [settings(config, "train", "digits", a)["momentum"] for a in ("own", "mlp")] == [0.9, 0.1]
    assert probe_methods(config, "digits", "own") == ["ridge"]
    assert probe_methods(config, "digits", "mlp") == ["adam", "ridge"]


def test_a_probe_depends_on_the_options_of_its_method_and_on_channels_only_if_some_are_shown():
    own = {"kind": "mlp", "probe": {"show_channels": [[2, 0]]}}
    config = check_config(changed(architectures__own=own), SCHEMA)
    assert probe_options(config, "digits", "mlp", "adam") == {
        "method": "adam", "epochs": 20, "batch_size": 32, "learning_rate": 0.001, "evaluation_samples": 360
    }  # fmt: skip
    assert set(probe_options(config, "digits", "mlp", "ridge")) == {
        "method", "ridge_penalty", "ridge_samples", "evaluation_samples"
    }  # fmt: skip
    assert probe_options(config, "digits", "own", "ridge")["show_channels"] == [[2, 0]]


def test_an_architecture_has_the_defaults_of_its_kind_and_nothing_else():
    given = {kind: {"kind": kind, "probe": {"epochs": 2}, "train": {}} for kind in ARCHITECTURE_OPTIONS}
    given["mlp"] = {"kind": "mlp", "width": 7}
    digits = load_config()["experiments"]["digits"]
    config = check_config(
        changed(architectures=given, experiments={"digits": digits}, network_entropy={}, probing_budget={}), SCHEMA
    )
    for kind in set(given) - {"mlp"}:
        assert architecture_options(config, kind) == {"kind": kind, **ARCHITECTURE_OPTIONS[kind]}
    assert architecture_options(config, "mlp") == {"kind": "mlp", **ARCHITECTURE_OPTIONS["mlp"], "width": 7}
    assert config["architectures"]["cnn"]["probe"] == {"epochs": 2}


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


def test_null_switches_a_study_off_and_its_names_are_its_own():
    known = {name: name for name in ("ising_1d", "ising_2d", "information_plane", "leaderboard")}
    known |= {f"{kind}_digits": kind for kind in ("network_entropy", "probing_budget")}
    assert studies(check_config(load_config(), SCHEMA)) == known
    assert set(studies(check_config(load_config(), SCHEMA)).values()) <= set(STUDIES)
    other = {"dataset": "mnist", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}
    with pytest.raises(InfoflowError, match="experiments: ising_1d is the name of a study"):
        check_config(changed(experiments={"ising_1d": other}), SCHEMA)
    with pytest.raises(InfoflowError, match="experiments: network_entropy_digits is the name of a study"):
        check_config(changed(experiments={"network_entropy_digits": other}), SCHEMA)
    off = {"ising": None, "information_plane": None, "network_entropy": {"digits": None}}
    off["probing_budget"] = {"digits": None}
    config = check_config(changed(experiments={"ising_1d": other}, **off), SCHEMA)
    assert studies(config) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "cnn"}, "network_entropy.digits.architecture: kind is cnn, but it has to be mlp"),
        ({"dataset": "digitz"}, "network_entropy.digits.dataset: unknown dataset 'digitz'; did you mean digits?"),
        ({"dataset": "white_noise"}, "network_entropy.digits: dataset 'white_noise' has no labels; set train: null"),
        ({"sigma_w2": [1.0, 1.0]}, "network_entropy.digits.sigma_w2: 1.0 and 1.0 would have the same file name"),
        ({"train": {"success_accuracy": 0.9}}, "network_entropy.digits.train.success_accuracy: unknown key"),
    ],
)
def test_a_relative_entropy_that_cannot_be_computed_is_refused(change, message):
    entry = load_config()["network_entropy"]["digits"]
    with pytest.raises(InfoflowError, match=re.escape(message)):
        check_config(changed(network_entropy={"digits": entry | change}), SCHEMA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"experiment": "digitz"},
            "probing_budget.digits.experiment: unknown experiment 'digitz'; did you mean digits?",
        ),
        (
            {"experiment": "photographs_vgg16"},
            "probing_budget.digits.experiment: photographs_vgg16 has no ground truth",
        ),
        ({"experiment": "digits_cnn"}, "networks of digits_cnn are of kind cnn, but only those of kind mlp"),
        ({"samples": [10, 361]}, "probing_budget.digits.samples: 361, but the probe has 360 evaluation_samples"),
        ({"samples": [1]}, "probing_budget.digits.samples[0]: 1 is less than the minimum of 2"),
        ({"fractions": [0.0]}, "probing_budget.digits.fractions[0]: 0.0 is less than or equal to the minimum of 0"),
        ({"fractions": [1.1]}, "probing_budget.digits.fractions[0]: 1.1 is greater than the maximum of 1"),
        ({"widths": [1]}, "probing_budget.digits.widths[0]: 1 is less than the minimum of 2"),
        ({"width": [16]}, "probing_budget.digits.width: unknown key; did you mean widths?"),
    ],
)
def test_a_probing_budget_that_cannot_be_computed_is_refused(change, message):
    entry = load_config()["probing_budget"]["digits"]
    with pytest.raises(InfoflowError, match=re.escape(message)):
        check_config(changed(probing_budget={"digits": entry | change}), SCHEMA)


def test_a_probing_budget_fits_the_test_set_and_the_width():
    entry = load_config()["probing_budget"]["digits"] | {"samples": [10, 50]}
    with pytest.raises(InfoflowError, match="probe.evaluation_samples: 360, but the test set of digits has only 40"):
        check_config(changed(datasets__digits__test_samples=40, probing_budget={"digits": entry}), SCHEMA)
    with pytest.raises(InfoflowError, match="probing_budget.digits.widths: 32 is not narrower than the 32 of the exp"):
        check_config(changed(architectures__mlp__width=32), SCHEMA)


def test_the_full_probe_is_among_the_parts_and_the_last_of_them():
    full = budget_options(check_config(changed(probing_budget={"a": {"experiment": "digits"}}), SCHEMA), "a")
    assert (full["fractions"][-1], full["samples"], full["widths"]) == (1.0, [10, 30, 100, 360], [None])
    entry = {"experiment": "digits", "fractions": [0.5, 0.1], "samples": [20, 10], "widths": [None, 9, 3]}
    assert budget_options(check_config(changed(probing_budget={"a": entry}), SCHEMA), "a") == {
        "fractions": [0.1, 0.5, 1.0],
        "samples": [10, 20, 360],
        "widths": [3, 9, None],
    }


def test_the_probing_budget_of_an_experiment_that_is_switched_off_is_off():
    other = {"dataset": "mnist", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}
    config = check_config(changed(experiments={"digits": None, "other": other}), SCHEMA)
    assert config["probing_budget"] == {}


def test_networks_of_a_relative_entropy_are_trained_as_their_entry_says():
    config = check_config(load_config(), SCHEMA)
    assert entropy_training(config, "digits") == load_config()["network_entropy"]["digits"]["train"]
    assert entropy_points(config, "digits")[0] == "w1.000000_b0.050000_d006"
    entry = load_config()["network_entropy"]["digits"]
    assert entropy_training(check_config(changed(network_entropy={"a": entry | {"train": None}}), SCHEMA), "a") is None
    shorter = check_config(changed(network_entropy={"a": entry | {"train": {"epochs": 2}}}), SCHEMA)
    assert entropy_training(shorter, "a")["epochs"] == 2
    assert entropy_training(shorter, "a")["batch_size"] == shorter["train"]["batch_size"]


def test_couplings_that_are_drawn_are_computed():
    config = check_config(
        changed(ising__square={"couplings": {"start": 0.2, "stop": 0.4, "step": 0.1}, "highlight": [0.25, 0.3]}), SCHEMA
    )
    assert ising_options(config, "square")["couplings"] == [0.2, 0.25, 0.3, 0.4]
    assert ising_options(config, "monte_carlo")["couplings"][0] == 0.3


def test_trained_weights_are_accepted_without_truth():
    config = check_config(changed(architectures__vgg16__weights="own.pth"), SCHEMA)
    assert not config["experiments"]["photographs_vgg16"]["truth"]
    assert config["architectures"]["vgg16"]["weights"] == "own.pth"


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
        ({"architectures__mlp__channels": 3}, "mlp.channels: mlp has no channels; its keys: activation, layout, width"),
        ({"architectures__cnn__layout": "wide"}, "cnn.layout: cnn has no layout; its keys: activation, channels"),
        ({"architectures__resnet__head": [4]}, "architectures.resnet.head: resnet has no head"),
        ({"architectures__cnn__weights": "a.pth"}, "architectures.cnn.weights: cnn has no weights"),
        ({"architectures__vgg16__activation": "tanh"}, "architectures.vgg16.activation: that of vgg16 is relu"),
        ({"architectures__vgg16__weights_sha256": "abc"}, "architectures.vgg16.weights_sha256: 'abc'"),
        ({"architectures__cnn__channels": 0}, "architectures.cnn.channels: 0"),
        ({"architectures__mlp__probe__epoch": 3}, "mlp.probe.epoch: unknown key; did you mean epochs"),
        ({"architectures__mlp__train__success_accuracy": 2}, "mlp.train.success_accuracy: 2"),
        ({"probe__show_channels": [[0, 1]]}, r"probe.show_channels\[0\]\[0\]: 0"),
        ({"probe__show_channels": [[1]]}, r"probe.show_channels\[0\]: \[1\]"),
        ({"probe__show_channels": [[1, 2, 3]]}, r"probe.show_channels\[0\]: \[1, 2, 3\]"),
        ({"train__readout": "softmax"}, "train.readout: 'softmax'"),
        (
            {"architectures__vgg16__weights": "a.pth", "experiments__photographs_vgg16__truth": True},
            "photographs_vgg16: architecture 'vgg16' has weights of its own, .* set truth: false",
        ),
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
        ({"experiments": {"digits": None}}, "experiments: there is none"),
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
        ({"ising__chain__coupling": [1]}, "ising.chain.coupling: unknown key; did you mean couplings"),
        ({"ising__chain__couplings": [0.0]}, r"ising.chain.couplings\[0\]: 0.0"),
        ({"ising__chain__couplings": [-1.0]}, r"ising.chain.couplings\[0\]: -1.0"),
        ({"ising__chain__couplings": {"start": 0, "stop": 1, "num": 3}}, "ising.chain.couplings.start: 0"),
        ({"ising__chain__highlight": [0.1234567]}, "ising.chain.highlight: 0.1234567 has more than 6 decimals"),
        ({"ising__chain__spins": 100}, "spins: a ring of 100 cannot be decimated 8 times; 256 must divide it"),
        ({"ising__square__enumerated_side": 6}, "ising.square.enumerated_side: 6"),
        ({"ising__square__strip_widths": [4, 14]}, r"ising.square.strip_widths\[1\]: 14"),
        ({"ising__square__strip_widths": [4, 5]}, r"ising.square.strip_widths\[1\]: 5"),
        ({"ising__monte_carlo__sides": [7]}, r"ising.monte_carlo.sides\[0\]: 7"),
        ({"ising__monte_carlo__couplings": [0.4, 0.4]}, "monte_carlo.couplings: 0.4 and 0.4 would have the same file"),
        ({"ising__monte_carlo__algorithm": "glauber"}, "ising.monte_carlo.algorithm: 'glauber'"),
        ({"ising__monte_carlo__sweeps": 5}, "ising.monte_carlo.sweeps: 5"),
    ],
)
def test_bad_configs_are_refused_in_one_line_that_names_the_key(change, message):
    with pytest.raises(InfoflowError, match=message) as refusal:
        check_config(changed(**change), SCHEMA)
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
        Grid(check_config(changed(**{section: value}), SCHEMA))


def test_the_schema_knows_every_registered_kind():
    defs = yaml.safe_load(SCHEMA.read_text())["$defs"]
    assert sorted(defs["dataset"]["properties"]["kind"]["enum"]) == datasets.kinds()
    assert sorted(defs["architecture"]["properties"]["kind"]["enum"]) == architectures.kinds()
    assert sorted(DATASET_OPTIONS) == datasets.kinds()
    assert sorted(ARCHITECTURE_OPTIONS) == architectures.kinds()
    keys = {key for options in ARCHITECTURE_OPTIONS.values() for key in options}
    assert set(defs["architecture"]["properties"]) == {"kind", "probe", "train", *keys}
    assert set(datasets.kinds()) >= UNLABELLED


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": [3, 23]}, "depth: 23, but vgg16 has 22 layers"),
        ({"depth": {"start": 1, "stop": 30, "step": 1}}, "depth: 30, but vgg16 has 22 layers"),
        ({"truth": True, "decisions": {"sigma_w2": 2.0, "sigma_b2": 0.0, "depth": 3}}, "set unpool: learned"),
        ({"truth": True}, "set train.readout of the architecture to logits"),
    ],
    ids=str,
)
def test_what_vgg16_cannot_do_is_refused_before_it_is_planned(change, message):
    config = changed(architectures__vgg16__unpool="recorded", architectures__vgg16__train={"readout": "tanh"})
    config["experiments"]["photographs_vgg16"] |= change
    with pytest.raises(InfoflowError, match=message):
        check_config(config, SCHEMA)
