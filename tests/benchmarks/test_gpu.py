"""`make gpu` without a GPU: all that it does but for the device, at a small size."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def gpu():
    sys.path.insert(0, str(HERE))
    try:
        return importlib.import_module("gpu")
    finally:
        sys.path[:] = [path for path in sys.path if path != str(HERE)]  # names like `coverage` are those of others


@pytest.fixture
def stubs(gpu, monkeypatch):
    """Two parts that do nothing; which of them were run, and whether the second one fails."""
    ran, found = [], {"failed": False}

    def part(name):
        def run(card):
            ran.append(name)
            if name == "second" and found["failed"]:
                raise RuntimeError("broken\nfor good")
            return [gpu.Row(name, "1.0", "≥ 2", False)]

        return run

    monkeypatch.setattr(gpu, "PARTS", {name: part(name) for name in ("first", "second")})
    return ran, found


def run(gpu, folder: Path, *arguments: str) -> int:
    return gpu.main(["--device", "cpu", "--to", str(folder), *arguments])


def test_every_part_runs_on_a_cpu_and_its_numbers_are_written(gpu, tmp_path, capsys):
    assert run(gpu, tmp_path) == 0
    text, noted = (tmp_path / "table.md").read_text(), json.loads((tmp_path / "table.json").read_text())
    assert text in capsys.readouterr().out
    assert list(noted["parts"]) == list(gpu.PARTS)
    assert noted["left"] == []
    assert noted["machine"]["torch"] == torch.__version__
    rows = {row["name"]: row for part in noted["parts"].values() for row in part["rows"]}
    assert len(text.splitlines()) == len(rows) + 5
    compared = {name for name, row in rows.items() if row["bound"].startswith("≤")}
    assert {"kernel cascade", "probe by Adam", "training", "predictor snip", "check: probability"} <= compared
    assert all(rows[name]["kept"] for name in compared)
    timed = {row["bound"]: float(row["measured"].split()[0]) for row in rows.values() if row["bound"].startswith("≥")}
    assert set(timed) == {"≥ 50", "≥ 20"}  # one of them twice
    assert min(timed.values()) > 0
    assert not any(row["kept"] is False for row in rows.values())  # nothing is judged that is not on a GPU


def test_what_is_done_is_not_run_again(gpu, stubs, tmp_path):
    ran, found = stubs
    found["failed"] = True
    assert run(gpu, tmp_path) == 1
    assert "| second | failed |  | **no** | RuntimeError: broken for good |" in (tmp_path / "table.md").read_text()
    found["failed"] = False
    assert run(gpu, tmp_path) == 0  # a target that is missed is no failure
    assert run(gpu, tmp_path) == 0
    assert ran == ["first", "second", "second"]
    assert run(gpu, tmp_path, "--anew") == 0
    assert ran[3:] == ["first", "second"]
    (tmp_path / "parts/first.json").write_text("{")
    assert run(gpu, tmp_path) == 0
    assert ran[5:] == ["first"]


def test_what_another_card_or_source_did_counts_for_nothing(gpu, stubs, tmp_path, monkeypatch):
    ran, _ = stubs
    run(gpu, tmp_path)
    monkeypatch.setattr(gpu, "describe_machine", lambda device: {"device": "another"})
    run(gpu, tmp_path)
    monkeypatch.setattr(gpu, "source_digest", lambda root: "another")
    run(gpu, tmp_path)
    assert ran == ["first", "second"] * 3


def test_what_does_not_fit_into_the_time_is_left_for_the_next_call(gpu, stubs, tmp_path, monkeypatch):
    ran, _ = stubs
    monkeypatch.setattr(gpu, "LIMIT", -1)
    assert run(gpu, tmp_path) == 0
    assert ran == []
    assert "Left for the next call: first, second." in (tmp_path / "table.md").read_text()


def test_results_that_differ_fail(gpu, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "PARTS", {"agreement": gpu.compare_results})
    answers = iter([np.ones(3), np.array([1.0, 1.0, 1.001])])
    monkeypatch.setattr(gpu, "_training", lambda card, device: next(answers))
    monkeypatch.setattr(gpu, "_check", lambda card, device: np.ones(1))
    monkeypatch.setattr(gpu, "PREDICTORS", {})
    assert run(gpu, tmp_path) == 1
    assert "| training | 1.0e-03 | ≤ 1e-05 | **no** |" in capsys.readouterr().out


def test_not_a_number_agrees_with_nothing(gpu, monkeypatch):
    answers = iter([np.ones(2), np.array([1.0, np.nan])])
    for name in ("_kernel_cascade", "_adam_probe", "_training"):
        monkeypatch.setattr(gpu, name, lambda card, device: np.ones(2))
    monkeypatch.setattr(gpu, "PREDICTORS", {})
    monkeypatch.setattr(gpu, "_check", lambda card, device: next(answers))
    *_, row = gpu.compare_results(gpu.Card(torch.device("cpu"), gpu.SIZES["small"]))
    assert (row.kept, row.failed) == (False, True)


@pytest.mark.parametrize(("ours", "kept"), [(0.1, True), (0.3, False)])
def test_targets_are_those_of_a_gpu_at_full_size(gpu, monkeypatch, ours, kept):
    monkeypatch.setattr(gpu.engine, "take_turns", lambda case, repeats, device: [(10.0, ours)] * 3)
    case = gpu.engine.Case("probe", None, None, 8, (2.0, 50.0), 0.02)
    card = gpu.Card(torch.device("cuda"), gpu.SIZES["full"])
    assert gpu._against_plain(card, case, 50).kept is kept
    assert gpu._against_plain(gpu.Card(torch.device("cpu"), gpu.SIZES["full"]), case, 50).kept is None
    assert (card.size.depth, card.size.replicas) == (50, 8)


def test_without_a_gpu_one_line_says_so(gpu, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.main(["--to", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "finds no CUDA device" in line
    assert "--device cpu" in line
    assert not list(tmp_path.iterdir())
