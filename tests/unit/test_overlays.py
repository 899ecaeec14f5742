import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common import ROOT, SCHEMA, load_config
from infoflow import config as checker
from infoflow.archive import _self_contained, source_files
from infoflow.config import check_config, entropy_training, merge_config, probe_methods
from infoflow.errors import InfoflowError
from infoflow.settings import main

SHIPPED = sorted(p.stem for p in (ROOT / "config").glob("*.yaml") if p.stem != "config")
PAIRS = [(d, a) for d in ("a", "b") for a in ("x", "y")]


def laid_over(*overlays: dict) -> dict:
    return check_config(merge_config([load_config(), *overlays]), SCHEMA)


def settings(config: dict, section: str, dataset: str = "digits", architecture: str = "mlp") -> dict:
    return checker.settings(config, section, dataset, architecture)


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


def test_sections_of_an_overlay_act_on_the_default_data_set_and_architectures():
    config = laid_over({"train": {"epochs": 3, "learning_rate": 0.001}, "probe": {"method": "ridge"}})
    for architecture in ("mlp", "cnn", "resnet"):
        found = settings(config, "train", architecture=architecture)
        assert (found["epochs"], found["learning_rate"]) == (3, 0.001)
        assert probe_methods(config, "digits", architecture) == ["ridge"]
    # what it does not name is that of the default
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


def test_what_an_overlay_says_of_a_data_set_goes_before_the_architectures_of_the_default_on_it_alone():
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
    with pytest.raises(
        InfoflowError, match=r"datasets.digits.architectures.*unknown architecture 'cnm'; .* mean cnn\?"
    ):
        laid_over({"datasets": {"digits": {"architectures": {"cnm": {"train": {"epochs": 2}}}}}})


def test_entries_that_share_an_anchor_are_changed_one_by_one():
    base = yaml.safe_load("architectures: {x: {train: &t {epochs: 1}}, y: {train: *t}}")
    merged = merge_config([base, {"architectures": {"x": {"train": {"epochs": 2}}}}, {"train": {"momentum": 0}}])
    assert {name: entry["train"]["epochs"] for name, entry in merged["architectures"].items()} == {"x": 2, "y": 1}
    assert base["architectures"]["x"]["train"] == {"epochs": 1}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_checked_config_of_a_run_gives_the_same_run_again(name):
    """As an overlay, which is how the config of an archive is used."""
    once = laid_over(load_config(name))
    again = laid_over(_self_contained(once, source_files(ROOT)))
    for experiment in once["experiments"].values():
        of = experiment["dataset"], experiment["architecture"]
        assert [settings(again, s, *of) for s in ("probe", "train")] == [
            settings(once, s, *of) for s in ("probe", "train")
        ]
    for entry in once["network_entropy"]:
        assert entropy_training(again, entry) == entropy_training(once, entry)


def test_a_file_that_refers_to_itself_is_refused_before_it_is_merged():
    loop: dict = {"train": {}}
    loop["train"]["train"] = loop
    with pytest.raises(InfoflowError, match="nested more than 20 levels"):
        merge_config([load_config(), loop])


@pytest.mark.parametrize("name", ["config", *SHIPPED])
def test_the_settings_in_force_are_printed(name, capsys):
    overlays = [] if name == "config" else [str(ROOT / f"config/{name}.yaml")]
    assert main(["--configfile", *overlays] if overlays else []) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    config = laid_over(load_config(name))
    assert printed["evaluate"] == config["evaluate"]
    assert set(printed["experiments"]) == set(config["experiments"])
    for key, experiment in config["experiments"].items():
        dataset, architecture = experiment["dataset"], experiment["architecture"]
        found = printed["experiments"][key]
        assert found["probe"].items() <= settings(config, "probe", dataset, architecture).items()
        assert {"method", "evaluation_samples"} <= found["probe"].keys()
        if experiment["truth"]:
            truth = experiment["truth_dataset"] or dataset
            assert found["train"] == settings(config, "train", truth, architecture)
        else:
            assert "train" not in found
    for kind in ("network_entropy", "probing_budget"):
        assert set(printed.get(kind, {})) == set(config[kind])
    for key in config["network_entropy"]:
        assert printed["network_entropy"][key]["train"] == entropy_training(config, key)


def test_every_setting_has_its_source(tmp_path, capsys):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("train: {epochs: 3}\nevaluate: {pictures: 4}\nnetwork_entropy: {digits: {train: {momentum: 0.5}}}")
    second.write_text("datasets: {digits: {train: {momentum: 1.0e-5}}}")
    assert main(["--configfile", str(first), "--configfile", str(second)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    experiment = lines[lines.index("digits_cnn:") : lines.index("digits_resnet:")]
    for line in (
        "train: # dataset digits, architecture cnn",
        f"epochs: 3 # {first}: train.epochs",
        f"momentum: 1.0e-05 # {second}: datasets.digits.train.momentum",
        "batch_size: 16 # config/config.yaml: architectures.cnn.train.batch_size",
        "readout: logits # default",
        'method: ["adam", "ridge"] # config/config.yaml: datasets.digits.probe.method',
    ):
        assert line in experiment
    study = lines[lines.index("network_entropy:") :]
    assert f"momentum: 1.0e-05 # {second}: datasets.digits.train.momentum" in study
    assert "batch_size: 32 # config/config.yaml: network_entropy.digits.train.batch_size" in study
    assert f"pictures: 4 # {first}: evaluate.pictures" in lines


@pytest.mark.parametrize(
    ("text", "message"),
    [("train: {epoch: 3}", "config: train.epoch: unknown key; did you mean epochs?"), ("a: [", "not a config file")],
)
def test_a_config_without_settings_is_refused_in_one_line(text, message, tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text(text)
    assert main(["--configfile", str(tmp_path / "bad.yaml")]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert len(printed.err.splitlines()) == 1
