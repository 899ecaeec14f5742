import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common import SCHEMA, load_config
from infoflow.config import settings as in_force
from infoflow.config.check import check_config, merge_config
from infoflow.config.overlays import said_by
from infoflow.config.settings import entropy_training, probe_methods
from infoflow.errors import InfoflowError

PAIRS = [(d, a) for d in ("a", "b") for a in ("x", "y")]


SMALL = {"train": {"epochs": 6, "batch_size": 16, "success_accuracy": 0.4}}
"""What convolutional networks are trained with in the file below."""


def laid_over(*overlays: dict) -> dict:
    """The demonstration, with trainings of its convolutional networks, and with files that are laid over it."""
    below = load_config()
    for name in ("cnn", "resnet"):
        below["architectures"][name] = below["architectures"][name] | SMALL
    return check_config(merge_config([below, *overlays]), SCHEMA)


def settings(config: dict, section: str, dataset: str = "digits", architecture: str = "mlp") -> dict:
    return in_force.settings(config, section, dataset, architecture)


said = st.dictionaries(st.sampled_from(["epochs", "momentum"]), st.integers(0, 1000), max_size=2)
own = st.fixed_dictionaries({}, optional={"train": said})
layer = st.fixed_dictionaries(
    {},
    optional={
        "train": said,
        "datasets": st.dictionaries(
            st.sampled_from("ab"),
            st.fixed_dictionaries(
                {}, optional={"train": said, "architectures": st.dictionaries(st.sampled_from("xy"), own)}
            ),
        ),
        "architectures": st.dictionaries(st.sampled_from("xy"), own),
        "network_entropy": st.fixed_dictionaries({"n": own}),
    },
)


def expected(layers: list[dict], key: str, dataset: str, architecture: str, entry: str | None = None):
    """The rule, word for word: the last file that says anything, and in it the most specific place."""
    for config in reversed(layers):
        data = config.get("datasets", {}).get(dataset, {})
        for place in (
            config.get("network_entropy", {}).get(entry, {}),
            data.get("architectures", {}).get(architecture, {}),
            config.get("architectures", {}).get(architecture, {}),
            data,
            config,
        ):
            if key in place.get("train", {}):
                return place["train"][key]
    return None


@given(st.lists(layer, min_size=1, max_size=4))
def test_the_later_file_goes_first_and_within_a_file_the_more_specific(layers):
    base = {"train": {}, "datasets": {"a": {}, "b": {}}, "architectures": {"x": {}, "y": {}}}
    layers = [base | {"network_entropy": {"n": {"dataset": "a", "architecture": "y"}}}, *layers]
    merged = merge_config(layers)
    for key in ("epochs", "momentum"):
        for dataset, architecture in PAIRS:
            found = settings(merged, "train", dataset, architecture).get(key)
            assert found == expected(layers, key, dataset, architecture)
        entry = merged["network_entropy"]["n"]
        found = (settings(merged, "train", "a", "y") | entry.get("train", {})).get(key)
        assert found == expected(layers, key, "a", "y", "n")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "digits"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["train", "digits", "cnn", "x"]), inner)
    ),
    max_leaves=6,
)
sections = st.sampled_from(["train", "probe", "datasets", "architectures", "network_entropy"])


@given(st.lists(st.dictionaries(sections, json_values), max_size=3))
def test_whatever_a_file_says_is_merged_and_left_to_the_checker(layers):
    merge_config([load_config(), *layers])


def test_sections_of_an_overlay_act_on_the_data_sets_and_architectures_of_the_file_below():
    config = laid_over({"train": {"epochs": 3, "learning_rate": 0.001}, "probe": {"method": "ridge"}})
    for architecture in ("mlp", "cnn", "resnet"):
        found = settings(config, "train", architecture=architecture)
        assert (found["epochs"], found["learning_rate"]) == (3, 0.001)
        assert probe_methods(config, "digits", architecture) == ["ridge"]
    # what it does not name stays
    assert settings(config, "train", architecture="cnn")["success_accuracy"] == 0.4
    assert settings(config, "probe")["evaluation_samples"] == 360
    assert entropy_training(config, "digits")["epochs"] == 3
    assert entropy_training(config, "digits")["momentum"] == 0.8


def test_within_one_file_the_more_specific_goes_first():
    data = {"train": {"epochs": 5}, "architectures": {"cnn": {"train": {"epochs": 7}}}}
    config = laid_over(
        {
            "train": {"epochs": 3},
            "datasets": {"digits": data},
            "architectures": {"cnn": {"train": {"epochs": 6}}, "resnet": {"train": {"epochs": 6}}},
        }
    )
    found = {a: settings(config, "train", architecture=a)["epochs"] for a in ("mlp", "cnn", "resnet")}
    assert found == {"mlp": 5, "cnn": 7, "resnet": 6}
    assert settings(config, "train", "mnist", "cnn")["epochs"] == 6
    assert settings(config, "train", "mnist", "mlp")["epochs"] == 3


def test_what_an_overlay_says_of_a_data_set_goes_before_the_architectures_below_on_it_alone():
    config = laid_over({"datasets": {"digits": {"train": {"epochs": 5}}}})
    assert {settings(config, "train", architecture=a)["epochs"] for a in ("mlp", "cnn", "resnet")} == {5}
    assert settings(config, "train", "mnist", "cnn")["epochs"] == 6
    # and a later file before that
    config = laid_over(
        {"datasets": {"digits": {"train": {"epochs": 5}}}}, {"architectures": {"cnn": {"train": {"epochs": 9}}}}
    )
    assert settings(config, "train", architecture="cnn")["epochs"] == 9
    assert settings(config, "train", architecture="resnet")["epochs"] == 5


def test_an_architecture_can_be_switched_off_after_an_overlay_spoke_of_a_data_set():
    off = {"architectures": {"cnn": None}, "experiments": {"digits_cnn": None}}
    config = laid_over({"datasets": {"digits": {"train": {"epochs": 5}}}}, off)
    assert set(config["datasets"]["digits"]["architectures"]) == {"resnet"}


def test_an_unknown_architecture_of_a_data_set_is_refused():
    with pytest.raises(InfoflowError, match=r"datasets.digits.architectures.cnm: unknown architecture; .* mean cnn\?"):
        laid_over({"datasets": {"digits": {"architectures": {"cnm": {"train": {"epochs": 2}}}}}})


def test_entries_that_share_an_anchor_are_changed_one_by_one():
    base = yaml.safe_load("architectures: {x: {train: &t {epochs: 1}}, y: {train: *t}}")
    merged = merge_config([base, {"architectures": {"x": {"train": {"epochs": 2}}}}, {"train": {"momentum": 0}}])
    assert {name: entry["train"]["epochs"] for name, entry in merged["architectures"].items()} == {"x": 2, "y": 1}
    assert base["architectures"]["x"]["train"] == {"epochs": 1}


def test_a_file_that_refers_to_itself_is_refused_before_it_is_merged():
    loop: dict = {"train": {}}
    loop["train"]["train"] = loop
    with pytest.raises(InfoflowError, match="nested more than 20 levels"):
        merge_config([load_config(), loop])


def test_the_place_that_decides_is_the_most_specific_that_says_anything():
    config = laid_over(
        {
            "datasets": {"digits": {"architectures": {"cnn": {"train": {"epochs": 7}}}}},
            "architectures": {"resnet": {"probe": {"evaluation_samples": 9}}},
        }
    )
    asked = ("probe", "evaluation_samples", "digits", "resnet"), ("probe", "evaluation_samples", "mnist", "mlp")
    assert [said_by(config, *one) for one in asked] == ["architectures.resnet.probe", "probe"]
    asked = [("train", key, "digits", "cnn") for key in ("epochs", "batch_size", "momentum")]
    assert [said_by(config, *one) for one in asked] == [
        "datasets.digits.architectures.cnn.train",
        "architectures.cnn.train",
        "train",
    ]


def test_one_file_is_what_it_says():
    config = load_config()
    assert merge_config([config]) == config
    assert merge_config([config, {}]) == config
    assert merge_config([config, config]) == config
    assert merge_config([]) == {}
