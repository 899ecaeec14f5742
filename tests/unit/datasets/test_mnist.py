"""MNIST and FashionMNIST."""

import gzip

import pytest

from infoflow.datasets.images import load_images
from infoflow.errors import InfoflowError


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


def test_a_failed_download_says_what_to_do(tmp_path, offline):
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
