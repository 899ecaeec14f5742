"""A key that stands twice in a config is refused by its name and lines."""

from pathlib import Path

import pytest

from common import ROOT
from infoflow.config.check import read_config
from infoflow.config.repeated import refuse_repeated_keys
from infoflow.errors import InfoflowError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("run: {seed: 1}\nprobe: {}\nrun: {seed: 2}\n", "run stands in line 1 and again in line 3"),
        (
            "experiments:\n  mine:\n    depth: [5]\n    depth: [9]\n",
            "experiments.mine.depth stands in line 3 .* line 4",
        ),
        ("a: [{b: 1, b: 2}]", "a.b stands in line 1 and again in line 1"),
    ],
)
def test_it_is_refused(tmp_path, text, named):
    path = write(tmp_path, text)
    with pytest.raises(InfoflowError, match=named):
        refuse_repeated_keys([path])
    with pytest.raises(InfoflowError, match=named):
        read_config(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1: a\n'1': b\n",
        "a: 1\nb: {a: 1}\n",
        "a: &x {b: 1}\nc: {<<: *x, b: 2}\nd: *x\ne: *x\n",
        "a: &x [*x]\n",
        "no: yaml: [",
        '{"a": 1}',
    ],
)
def test_all_else_is_left_to_the_reader(tmp_path, text):
    refuse_repeated_keys([write(tmp_path, text)])


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_no_config_of_ours_has_one(path):
    refuse_repeated_keys([path])
