import argparse
import gzip
import io
import zipfile

import pytest
import safetensors.torch
import torch

from infoflow.errors import InfoflowError
from infoflow.files.state_dicts import read_state_dict, unwrap

PLAIN = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2), "b.weight": torch.zeros(1, 2)}
WANTED = PLAIN.keys()


def read(path, wanted=WANTED) -> dict:
    with path.open("rb") as file:
        return unwrap(read_state_dict(file, path), wanted, path)


def under(prefix: str, **others) -> dict:
    return {prefix + name: p for name, p in PLAIN.items()} | others


def assert_plain(found: dict) -> None:
    assert found.keys() == WANTED
    assert all(torch.equal(found[name], PLAIN[name]) for name in WANTED)


@pytest.mark.parametrize(
    "saved",
    [
        PLAIN,
        under("module."),
        under("_orig_mod."),
        under("module._orig_mod."),
        under("_orig_mod.module."),
        {name.replace("a.", "a._orig_mod."): p for name, p in PLAIN.items()},
        under("model.", **{"criterion.weight": torch.ones(3)}),
        under("model.module.", **{"loss.weight": torch.ones(3)}),
        {"state_dict": PLAIN, "epoch": 3, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}},
        {"model": PLAIN, "args": {"lr": 0.1}},
        {"model": {"state_dict": under("module.")}},
        {"model_state_dict": under("_orig_mod."), "loss": torch.tensor(1.0)},
        {  # of Lightning
            "epoch": 1,
            "global_step": 9,
            "pytorch-lightning_version": "2.5.0",
            "state_dict": under("model.", **{"metric.total": torch.ones(1)}),
            "loops": {"fit_loop": {"state_dict": {}}},
            "callbacks": {},
            "optimizer_states": [],
            "hyper_parameters": {"lr": 0.1, "name": "a"},
        },
        {name: p.half() for name, p in PLAIN.items()},
        {name: p.to(torch.float8_e4m3fn) for name, p in PLAIN.items()},
        PLAIN | {"norm.num_batches_tracked": torch.tensor(3)},
        {name.replace(".", "._checkpoint_wrapped_module.", 1): p for name, p in PLAIN.items()},
        {"module": PLAIN, "ds_config": {}},
        {"model": PLAIN, "model_ema": under("module.", n=torch.ones(1)), "optimizer": {"state": {}}, "epoch": 2},
    ],
    ids=range(19),
)
def test_a_network_is_found_whatever_it_was_wrapped_in(tmp_path, saved):
    torch.save(saved, tmp_path / "w.ckpt")
    assert_plain(read(tmp_path / "w.ckpt"))


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_safetensors_are_read(tmp_path, name):
    safetensors.torch.save_file(under("module."), tmp_path / name)
    assert_plain(read(tmp_path / name))


def test_a_damaged_file_of_safetensors_is_refused_by_name(tmp_path):
    safetensors.torch.save_file(PLAIN, tmp_path / "w.safetensors")
    whole = (tmp_path / "w.safetensors").read_bytes()
    for damaged in (b"", whole[:-4], whole[:20], b"\xff" * 8 + whole[8:], b"text"):
        (tmp_path / "w.safetensors").write_bytes(damaged)
        with pytest.raises(InfoflowError, match=r"w.safetensors: damaged, or not a file of safetensors .*; save one"):
            read(tmp_path / "w.safetensors")


def test_what_is_lacking_is_told_by_its_name(tmp_path):
    torch.save({"state_dict": {k: p for k, p in under("module.model.").items() if "b." not in k}}, tmp_path / "w.pth")
    assert WANTED - read(tmp_path / "w.pth").keys() == {"b.weight"}


def test_a_network_that_is_there_twice_is_refused(tmp_path):
    torch.save(under("model.") | under("ema."), tmp_path / "w.pth")
    with pytest.raises(InfoflowError, match=r"w.pth: it holds the network several times, as ema., model.; save"):
        read(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_files_of_other_kinds_are_told_by_their_kind(tmp_path):
    whole = io.BytesIO()
    torch.save(PLAIN, whole)
    with zipfile.ZipFile(tmp_path / "zipped", "w") as archive:
        archive.writestr("inner.pth", whole.getvalue())
    torch.jit.script(torch.nn.Linear(3, 2)).save(str(tmp_path / "program"))
    torch.save(torch.nn.Linear(3, 2), tmp_path / "module")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "pointer").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    (tmp_path / "index").write_text('{"weight_map": {"a.weight": "model-00001-of-00002.safetensors"}}')
    (tmp_path / "page").write_text("\n<!DOCTYPE html>")
    (tmp_path / "gzip").write_bytes(gzip.compress(whole.getvalue()))
    for name, message in {
        "zipped": "a ZIP archive of inner.pth, which torch.save did not write; unzip it",
        "program": r"a program of TorchScript, .* torch.save\(torch.jit.load\(old\).state_dict\(\), path\)",
        "module": r"damaged, or .* of a network that you trust, .*\(torch.load\(old, .*\).state_dict\(\), path\)",
        "empty": "empty; save a state dict there",
        "pointer": "a pointer of git LFS and not the file itself; fetch that, git lfs pull",
        "index": "JSON, like an index of several files, and not weights; set weights to a file",
        "page": "a page of the web and not weights",
        "gzip": "gzip and not weights",
    }.items():
        with pytest.raises(InfoflowError, match=f"/{name}: {message}"):
            read(tmp_path / name)


def test_what_only_its_code_would_read_is_refused_with_the_way_to_read_it(tmp_path):
    torch.save({"state_dict": PLAIN, "args": argparse.Namespace(lr=0.1)}, tmp_path / "w.ckpt")
    with pytest.raises(
        InfoflowError, match=r"\(UnpicklingError: argparse.Namespace\), so nothing .* that you trust, torch"
    ):
        read(tmp_path / "w.ckpt")
    torch.save({"epoch": 3, "weight": [1.0]}, tmp_path / "w.ckpt")
    with pytest.raises(InfoflowError, match=r"not a state dict, .* nor a checkpoint .*; it has epoch, weight; save"):
        read(tmp_path / "w.ckpt")
