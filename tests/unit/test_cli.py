"""The command line: what it takes, what it gives, what it refuses."""

import json

import numpy as np
import pytest

from infoflow.cli import ERROR, main

MODEL = """
import torch
from torch import nn

def good():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 10))

def bad():
    hidden = (nn.Linear(64, 64) if k % 2 == 0 else nn.Tanh() for k in range(16))
    model = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(64, 10))
    for part in model:
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=0.005)
            nn.init.zeros_(part.bias)
    return model

def broken():
    raise ZeroDivisionError("no")

number = 3
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MODEL)
    return "mine.py"


def test_exit_codes_say_the_verdict(model, capsys):
    common = ["--data", "digits", "--optimizer", "sgd:0.1,steps=1000", "--seeds", "1", "--quiet"]
    assert main(["check", f"{model}:good", *common]) == 0
    assert "trainable" in capsys.readouterr().out
    assert main(["check", f"{model}:bad", *common]) == 1
    assert "shrinks" in capsys.readouterr().out


def test_reports_are_written(model, tmp_path, capsys):
    files = {kind: tmp_path / f"a.{kind}" for kind in ("html", "netcdf")}
    options = [f"--{kind}={path}" for kind, path in files.items()]
    assert main(["check", "mine:good", "--data", "digits", "--seeds", "1", "--json", "-", *options]) in (0, 2)
    captured = capsys.readouterr()
    assert json.loads(captured.out)["verdict"]["answer"] in ("trainable", "uncertain")
    assert "running the code of mine:good" in captured.err
    assert all(path.stat().st_size for path in files.values())


def test_arrays_of_a_file(model, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", x=rng.normal(size=(60, 8, 8)).astype(np.float32), y=rng.integers(0, 10, 60))
    assert main(["check", f"{model}:good", "--data", "own.npz", "--seeds", "1", "--quiet"]) in (0, 1, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{}:none"], "has no none"),
        (["{}:number"], "int"),
        (["{}:broken"], "ZeroDivisionError"),
        (["nowhere:net"], "cannot be imported"),
        (["nothing.py:net"], "there is no such file"),
        (["plain"], "write it like"),
        (["torchvision:resnet81"], "did you mean resnet18"),
        (["{}:good", "--data", "nothing.npz"], "there is no such file"),
        (["{}:good", "--data", "imagenet"], "neither a data set"),
        (["{}:good", "--data", "digits", "--input", "3y"], "--input 3y"),
        (["{}:good", "--data", "digits", "--optimizer", "sgd"], "sgd"),
        (["{}:good", "--data", "digits", "--html", "no/such/a.html"], "no such folder"),
        (["{}:good", "--data", "digits", "--input", "3x8x8"], "RuntimeError"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(model, arguments, said, capsys):
    assert main(["check", *(a.format(model) for a in arguments), "--quiet"]) == ERROR
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert said in error
    assert "\n" not in error
