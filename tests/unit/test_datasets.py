import gzip
import stat

import numpy as np
import pytest
import torch

from infoflow import datasets
from infoflow.datasets import find_data_root, load_images
from infoflow.errors import InfoflowError
from infoflow.prepared import read_prepared, write_prepared

CPU = torch.device("cpu")
NOISE = {"kind": "white_noise", "shape": [3, 5], "train_samples": 2000, "test_samples": 30}


def test_digits_are_split_without_overlap_by_the_seed(tmp_path):
    a, b, c = (load_images({"kind": "digits"}, tmp_path, seed) for seed in (0, 0, 1))
    assert a.train_images.shape == (1437, 8, 8)
    assert a.test_images.shape == (360, 8, 8)
    assert np.array_equal(a.test_images, b.test_images)
    assert not np.array_equal(a.test_images, c.test_images)
    parts = np.concatenate([a.train_images, a.test_images]).reshape(1797, -1)
    from sklearn.datasets import load_digits

    assert sorted(map(bytes, parts)) == sorted(map(bytes, load_digits().data.astype(np.uint8)))


def test_white_noise_is_uniform(tmp_path):
    images = load_images(NOISE, tmp_path, 0)
    assert images.train_images.shape == (2000, 3, 5)
    assert images.train_labels is None
    # 30,000 draws: standard errors 0.0017 and 0.0005
    assert images.train_images.mean() == pytest.approx(0.5, abs=0.01)
    assert images.train_images.var() == pytest.approx(1 / 12, abs=0.005)


@pytest.mark.parametrize("kind", ["digits", "white_noise"])
def test_what_is_prepared_is_what_was_loaded(tmp_path, kind):
    images = load_images(NOISE if kind == "white_noise" else {"kind": kind}, tmp_path, 0)
    write_prepared(tmp_path / "a.nc", images, 0, {})
    prepared = read_prepared(tmp_path / "a.nc", CPU, torch.float32)
    expected = torch.from_numpy(images.train_images).float() / images.levels
    assert torch.equal(prepared.train_images, expected)
    assert prepared.test_images.max() <= 1
    assert prepared.shape == images.train_images.shape[1:]
    if images.train_labels is not None:
        assert torch.equal(prepared.test_labels, torch.from_numpy(images.test_labels))
        assert prepared.classes == 10


def test_a_smaller_evaluation_set_is_part_of_a_larger_one(tmp_path):
    write_prepared(tmp_path / "a.nc", load_images({"kind": "digits"}, tmp_path, 0), 0, {})
    prepared = read_prepared(tmp_path / "a.nc", CPU, torch.float32)
    assert torch.equal(prepared.evaluation_images(10), prepared.evaluation_images(360)[:10])
    with pytest.raises(InfoflowError, match="evaluation_samples is 361"):
        prepared.evaluation_images(361)


def test_sizes_are_cut_by_a_seeded_choice(tmp_path):
    options = {"kind": "digits", "train_samples": 100, "test_samples": 50}
    a, b = load_images(options, tmp_path, 0), load_images(options, tmp_path, 0)
    assert (len(a.train_images), len(a.train_labels), len(a.test_images)) == (100, 100, 50)
    assert np.array_equal(a.train_images, b.train_images)
    assert len(np.unique(a.train_labels)) == 10
    with pytest.raises(InfoflowError, match="train_samples is 9999, but there are only 1437"):
        load_images({"kind": "digits", "train_samples": 9999}, tmp_path, 0)


def test_the_data_root_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("INFOFLOW_DATA", str(tmp_path))
    assert find_data_root(None) == tmp_path
    assert find_data_root("/elsewhere").as_posix() == "/elsewhere"
    monkeypatch.delenv("INFOFLOW_DATA")
    assert find_data_root(None).name == "infoflow"


@pytest.mark.parametrize("kind", ["mnist", "fashion_mnist"])
def test_damaged_files_are_refused_and_kept(tmp_path, kind):
    folder = tmp_path / ("MNIST" if kind == "mnist" else "FashionMNIST") / "raw"
    folder.mkdir(parents=True)
    damaged = folder / "t10k-images-idx3-ubyte.gz"
    damaged.write_bytes(gzip.compress(b"not the original"))
    with pytest.raises(InfoflowError, match="t10k-images-idx3-ubyte.gz: wrong checksum"):
        load_images({"kind": kind}, tmp_path, 0)
    assert gzip.decompress(damaged.read_bytes()) == b"not the original"


def test_a_truncated_original_is_refused(tmp_path, mnist_root):
    folder = tmp_path / "MNIST/raw"
    folder.mkdir(parents=True)
    for file in (mnist_root / "MNIST/raw").glob("*.gz"):
        (folder / file.name).write_bytes(file.read_bytes())
    cut = folder / "train-labels-idx1-ubyte.gz"
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(InfoflowError, match="train-labels-idx1-ubyte.gz: wrong checksum"):
        load_images({"kind": "mnist"}, tmp_path, 0)


def test_a_data_root_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    root = tmp_path / "locked"
    root.mkdir()
    root.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # as root, permissions do not bind
    with pytest.raises(InfoflowError, match="data_root .*locked is not writable and does not hold MNIST"):
        load_images({"kind": "mnist"}, root, 0)


def test_a_file_in_place_of_the_data_root_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InfoflowError, match="data_root .*file is not writable"):
        load_images({"kind": "mnist"}, tmp_path / "file", 0)


def no_network(self):
    raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")


def test_a_failed_download_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.MNIST.download", no_network)
    with pytest.raises(InfoflowError, match="cannot download MNIST .* put them there"):
        load_images({"kind": "mnist"}, tmp_path, 0)


def test_the_original_files_load_from_a_read_only_directory(mnist_root):
    before = sorted(p.name for p in (mnist_root / "MNIST/raw").iterdir())
    images = load_images({"kind": "mnist"}, mnist_root, 0)
    assert images.train_images.shape == (60000, 28, 28)
    # mean, standard deviation and mean square of the test set
    pixels = images.test_images / 255
    assert (pixels.mean(), pixels.std(), (pixels**2).mean()) == pytest.approx((0.132515, 0.310480, 0.113958), abs=2e-6)
    assert sorted(p.name for p in (mnist_root / "MNIST/raw").iterdir()) == before


def test_extracted_files_alone_are_read_and_damaged_ones_refused(tmp_path, mnist_root):
    folder = tmp_path / "MNIST/raw"
    folder.mkdir(parents=True)
    for file in (mnist_root / "MNIST/raw").glob("*.gz"):
        (folder / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    assert load_images({"kind": "mnist"}, tmp_path, 0).test_images.shape == (10000, 28, 28)
    cut = folder / "t10k-images-idx3-ubyte"
    cut.write_bytes(cut.read_bytes()[:-1000])
    with pytest.raises(InfoflowError, match="extracted files of MNIST are damaged"):
        load_images({"kind": "mnist"}, tmp_path, 0)


def test_every_registered_data_set_can_be_loaded_or_says_why_not(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.MNIST.download", no_network)
    for kind in datasets.kinds():
        options = NOISE | {"kind": kind} if kind == "white_noise" else {"kind": kind}
        if kind in ("mnist", "fashion_mnist"):
            with pytest.raises(InfoflowError, match="cannot download"):
                load_images(options, tmp_path, 0)
        else:
            assert len(load_images(options, tmp_path, 0).train_images)
