import stat

import numpy as np
import pytest
from PIL import Image

from infoflow.datasets.images import load_images
from infoflow.datasets.kinds import DATASETS
from infoflow.errors import InfoflowError

NOISE = {"kind": "white_noise", "shape": [3, 5], "train_samples": 2000, "test_samples": 30}
PHOTOGRAPHS = {"kind": "photographs", "size": 16, "train_samples": 20, "test_samples": 10}
FOLDER = {"kind": "image_folder", "path": "own", "size": 16, "train_samples": 8, "test_samples": 4}


def test_sizes_are_cut_by_a_seeded_choice(tmp_path):
    options = {"kind": "digits", "train_samples": 100, "test_samples": 50}
    a, b = load_images(options, tmp_path, 0), load_images(options, tmp_path, 0)
    assert (len(a.train_images), len(a.train_labels), len(a.test_images)) == (100, 100, 50)
    assert np.array_equal(a.train_images, b.train_images)
    assert len(np.unique(a.train_labels)) == 10
    with pytest.raises(InfoflowError, match="train_samples is 9999, but there are only 1437"):
        load_images({"kind": "digits", "train_samples": 9999}, tmp_path, 0)


@pytest.mark.parametrize(("kind", "name"), [("mnist", "MNIST"), ("cifar10", "CIFAR10")])
def test_a_data_root_that_cannot_be_written_is_named(tmp_path, monkeypatch, kind, name):
    root = tmp_path / "locked"
    root.mkdir()
    root.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # as root, permissions do not bind
    with pytest.raises(InfoflowError, match=f"data_root .*locked is not writable and does not hold {name} "):
        load_images({"kind": kind}, root, 0)


def test_a_file_in_place_of_the_data_root_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InfoflowError, match="data_root .*file is not writable"):
        load_images({"kind": "mnist"}, tmp_path / "file", 0)


def test_every_registered_data_set_can_be_loaded_or_says_why_not(tmp_path, offline):
    for number in range(12):
        file = tmp_path / "own" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20)).save(file)
    np.savez(tmp_path / "own.npz", x=np.zeros((12, 3, 3), np.uint8), y=np.arange(12) % 2)
    (tmp_path / "own.csv").write_text("a,label\n" + "".join(f"{k / 12},{k % 2}\n" for k in range(12)))
    few = {"train_samples": 8, "test_samples": 4}
    options = {
        "white_noise": NOISE,
        "photographs": PHOTOGRAPHS,
        "image_folder": FOLDER,
        "arrays": {"kind": "arrays", "path": "own.npz", **few},
        "table": {"kind": "table", "path": "own.csv", **few},
    }
    for kind in DATASETS:
        if kind in ("mnist", "fashion_mnist", "cifar10"):
            with pytest.raises(InfoflowError, match="cannot download"):
                load_images({"kind": kind}, tmp_path, 0)
        else:
            assert len(load_images(options.get(kind, {"kind": kind}), tmp_path, 0).train_images)
