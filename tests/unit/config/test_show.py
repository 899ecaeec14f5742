import pytest
import yaml

from common import ROOT, SCHEMA
from infoflow.config.check import check_config, merge_config, read_config
from infoflow.config.settings import entropy_training, settings
from infoflow.config.show import main

CONFIG = str(ROOT / "config/config.yaml")
USED = {"config": [], "slower": [CONFIG, str(ROOT / "config/slower.yaml")]}
"""Config files of the command line, for those that are not used alone."""


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "config").glob("*.yaml")))
def test_the_settings_in_force_are_printed(name, capsys):
    files = USED.get(name, [str(ROOT / f"config/{name}.yaml")])
    assert main(["--configfile", *files] if files else []) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    layers = [read_config(path) for path in files or [CONFIG]]
    config = check_config(merge_config(layers), SCHEMA)
    assert printed["evaluate"] == config["evaluate"]
    assert set(printed["experiments"] or {}) == set(config["experiments"])  # of check there are none
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
    assert main(["--configfile", CONFIG, str(first), "--configfile", str(second)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    experiment = lines[lines.index("digits:", lines.index("experiments:")) : lines.index("digits_cnn:")]
    for line in (
        "train: # dataset digits, architecture mlp",
        f"epochs: 3 # {first}: train.epochs",
        f"momentum: 1.0e-05 # {second}: datasets.digits.train.momentum",
        f'method: ["kernel", "theory"] # {CONFIG}: architectures.mlp.probe.method',
        "readout: logits # default",
        f"evaluation_samples: 360 # {CONFIG}: datasets.digits.probe.evaluation_samples",
        f"kernel_samples: 200 # {CONFIG}: datasets.digits.probe.kernel_samples",
    ):
        assert line in experiment
    assert "confidence: 0.9 # default" in lines
    study = lines[lines.index("network_entropy:") :]
    assert f"momentum: 1.0e-05 # {second}: datasets.digits.train.momentum" in study
    assert f"batch_size: 32 # {CONFIG}: network_entropy.digits.train.batch_size" in study
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


def test_a_file_stands_alone(tmp_path, capsys):
    own = {"dataset": "mnist", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"experiments": {"own": own}}))
    assert main(["--configfile", str(tmp_path / "own.yaml")]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"# {tmp_path}/own.yaml, the later before the earlier; default: that of workflow/schemas/")
    assert list(yaml.safe_load(told)["experiments"]) == ["own"]
    assert {line.rpartition("# ")[2] for line in told.splitlines()[1:] if "# " in line} == {
        "default", "dataset mnist, architecture mlp"
    }  # fmt: skip
