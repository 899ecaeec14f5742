import pytest

from common import SCHEMA, changed_config, load_config
from infoflow.config.check import check_config
from infoflow.config.settings import (
    architecture_options,
    data_options,
    entropy_training,
    probe_methods,
    probe_options,
    settings,
)


def checked(**changes) -> dict:
    return check_config(changed_config(**changes), SCHEMA)


def test_a_data_set_overrides_the_common_settings():
    config = checked(probe__epochs=7)
    assert settings(config, "probe", "mnist", "mlp")["epochs"] == 7
    assert settings(config, "probe", "digits", "mlp")["epochs"] == 20


def test_the_word_of_an_architecture_goes_before_that_of_a_data_set():
    own = {"kind": "mlp", "probe": {"epochs": 3, "method": "ridge"}, "train": {"momentum": 0.9}}
    config = checked(architectures__own=own, train__momentum=0.1)
    found = settings(config, "probe", "digits", "own")
    assert (found["epochs"], found["batch_size"]) == (3, config["datasets"]["digits"]["probe"]["batch_size"])
    assert settings(config, "probe", "digits", "mlp")["epochs"] == 20
    assert [settings(config, "train", "digits", a)["momentum"] for a in ("own", "mlp")] == [0.9, 0.1]
    assert probe_methods(config, "digits", "own") == ["ridge"]
    assert probe_methods(config, "digits", "mlp") == ["kernel", "theory"]


def test_without_a_word_the_kernel_cascade_probes_and_its_theory_where_there_is_one():
    config = checked(architectures__own={"kind": "mlp"})
    assert probe_methods(config, "digits", "own") == ["kernel", "theory"]
    assert probe_methods(checked(architectures__cnn={}), "digits", "cnn") == ["kernel"]


def test_the_word_of_the_two_together_goes_before_both():
    both = {"mlp": {"probe": {"epochs": 4}, "train": {"momentum": 0.3}}}
    config = checked(datasets__digits__architectures=both, architectures__mlp={"probe": {"epochs": 3, "batch_size": 5}})
    found = settings(config, "probe", "digits", "mlp")
    assert (found["epochs"], found["batch_size"], found["evaluation_samples"]) == (4, 5, 360)
    assert settings(config, "probe", "mnist", "mlp")["epochs"] == 3
    assert settings(config, "probe", "digits", "mlp_128")["epochs"] == 20
    assert [settings(config, "train", d, "mlp")["momentum"] for d in ("digits", "mnist")] == [0.3, 0.0]


def test_a_probe_depends_on_the_options_of_its_method_and_on_channels_only_if_some_are_shown():
    config = checked(architectures__own={"kind": "mlp", "probe": {"show_channels": [[2, 0]]}})
    assert probe_options(config, "digits", "mlp", "adam") == {
        "method": "adam", "epochs": 20, "batch_size": 32, "learning_rate": 0.001, "evaluation_samples": 360
    }  # fmt: skip
    assert set(probe_options(config, "digits", "mlp", "ridge")) == {
        "method", "ridge_penalty", "ridge_samples", "evaluation_samples"
    }  # fmt: skip
    assert probe_options(config, "digits", "own", "ridge")["show_channels"] == [[2, 0]]


def test_networks_and_images_depend_on_nothing_that_is_said_of_probes_and_trainings():
    said = {"probe": {"epochs": 2}, "train": {"momentum": 0.1}}
    config = checked(
        architectures__own={"kind": "mlp", "width": 7, **said},
        datasets__own={"kind": "digits", "test_samples": 9, **said, "architectures": {"mlp": said}},
    )
    assert architecture_options(config, "own") == {
        "kind": "mlp", "layout": "wide", "width": 7, "activation": "tanh", "head": []
    }  # fmt: skip
    assert data_options(config, "own") == {"kind": "digits", "test_samples": 9}


def test_networks_of_a_relative_entropy_are_trained_as_their_entry_says():
    entry = load_config()["network_entropy"]["digits"]
    assert entropy_training(checked(), "digits") == entry["train"]
    assert entropy_training(checked(network_entropy={"a": entry | {"train": None}}), "a") is None
    shorter = checked(network_entropy={"a": entry | {"train": {"epochs": 2}}})
    assert entropy_training(shorter, "a")["epochs"] == 2
    assert entropy_training(shorter, "a")["batch_size"] == shorter["train"]["batch_size"]
    # what its data set and its architecture say goes before the common settings
    assert entropy_training(shorter, "a")["learning_rate"] == 0.05


def test_nothing_is_known_of_what_the_config_does_not_have():
    with pytest.raises(KeyError):
        settings(checked(), "probe", "nothing", "mlp")
