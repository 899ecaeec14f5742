import hashlib
import pickle
import struct
import tarfile

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10

from infoflow.datasets.cifar10 import to_grey
from infoflow.datasets.images import load_images
from infoflow.errors import InfoflowError


def cifar10_batch(images: np.ndarray, labels: list[int]) -> bytes:
    """A batch of images [M, 32, 32, 3] as Python 2 pickled it: colours are the rows of each image's table."""
    pixels = images.transpose(0, 3, 1, 2).tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        + (b"(K\x01(K%sM%stcnumpy\ndtype\n(U\x02u1K\x00K\x01tR" % (bytes([len(images)]), struct.pack("<H", 3072)))
        + (
            b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T%s%stb"
            % (struct.pack("<i", len(pixels)), pixels)
        )
    )
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + listed + b"u."


@pytest.fixture
def small_cifar10(tmp_path, monkeypatch, offline):
    """A data root whose CIFAR-10 has 5 × 3 + 3 images, and these images in their order; no network."""
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 32, 32, 3), np.uint8)
    monkeypatch.setattr(CIFAR10, "train_list", [[f"data_batch_{k}", None] for k in range(1, 6)])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", None]])
    for k, entry in enumerate([*CIFAR10.train_list, *CIFAR10.test_list]):
        (folder / entry[0]).write_bytes(cifar10_batch(images[k], [k, 9, 1]))
        entry[1] = hashlib.md5((folder / entry[0]).read_bytes()).hexdigest()
    return tmp_path, images.reshape(-1, 32, 32, 3)


def test_cifar10_is_read_in_colour_and_grey(small_cifar10):
    root, images = small_cifar10
    colour = load_images({"kind": "cifar10", "colour": True}, root, 0)
    assert np.array_equal(colour.train_images, images[:15])
    assert np.array_equal(colour.test_images, images[15:])
    assert colour.train_labels.tolist() == [0, 9, 1, 1, 9, 1, 2, 9, 1, 3, 9, 1, 4, 9, 1]
    assert colour.test_labels.tolist() == [5, 9, 1]
    grey = load_images({"kind": "cifar10"}, root, 0)
    assert grey.test_images.shape == (3, 32, 32)
    assert np.array_equal(grey.train_images[7], Image.fromarray(images[7]).convert("L"))


def test_grey_levels_are_those_of_pillow():
    corners = np.stack(np.meshgrid(*[[0, 1, 127, 128, 254, 255]] * 3), axis=-1).reshape(1, -1, 3)
    at_random = np.random.default_rng(0).integers(0, 256, (300, corners.shape[1], 3))
    colours = np.concatenate([corners, at_random]).astype(np.uint8)
    assert np.array_equal(to_grey(colours), Image.fromarray(colours).convert("L"))


def test_the_original_cifar10_loads_from_a_read_only_directory(cifar10_root):
    before = sorted((p.name, p.stat().st_mtime_ns) for p in (cifar10_root / CIFAR10.base_folder).iterdir())
    colour = load_images({"kind": "cifar10", "colour": True}, cifar10_root, 0)
    grey = load_images({"kind": "cifar10"}, cifar10_root, 0)
    assert colour.train_images.shape == (50000, 32, 32, 3)
    assert grey.test_images.shape == (10000, 32, 32)
    assert colour.train_images.dtype == grey.train_images.dtype == np.uint8
    assert (np.bincount(colour.train_labels) == 5000).all()
    assert (np.bincount(colour.test_labels) == 1000).all()
    for k in range(100):
        assert np.array_equal(grey.test_images[k], Image.fromarray(colour.test_images[k]).convert("L"))
    # the training set's means by channel as they are usually quoted; mean and standard deviation of the test set
    assert colour.train_images.mean((0, 1, 2)) / 255 == pytest.approx((0.4914, 0.4822, 0.4465), abs=1e-4)
    assert colour.test_images.mean((0, 1, 2)) / 255 == pytest.approx((0.494214, 0.485131, 0.450409), abs=1e-6)
    assert (grey.test_images.mean() / 255, grey.test_images.std() / 255) == pytest.approx(
        (0.483890, 0.238734), abs=1e-6
    )
    assert sorted((p.name, p.stat().st_mtime_ns) for p in (cifar10_root / CIFAR10.base_folder).iterdir()) == before


class Touch:
    """Unpickled, it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_batch_that_is_not_the_original_is_refused_unread(small_cifar10):
    root, _ = small_cifar10
    changed, trace = root / CIFAR10.base_folder / "data_batch_4", root / "trace"
    changed.write_bytes(pickle.dumps({"data": Touch(trace), "labels": []}, protocol=2))
    with pytest.raises(InfoflowError, match="data_batch_4: wrong checksum .* delete it to have it downloaded again"):
        load_images({"kind": "cifar10"}, root, 0)
    assert not trace.exists()
    pickle.loads(changed.read_bytes())["data"].close()
    assert trace.exists()  # it would have been created


def test_a_batch_with_more_than_arrays_is_refused_whatever_its_checksum(small_cifar10):
    root, _ = small_cifar10
    changed, trace = root / CIFAR10.base_folder / "test_batch", root / "trace"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        changed.write_bytes(pickle.dumps({"data": Touch(trace), "labels": []}, protocol=protocol))
        CIFAR10.test_list[0][1] = hashlib.md5(changed.read_bytes()).hexdigest()
        with pytest.raises(InfoflowError, match=r"test_batch: not a batch of CIFAR-10 \(it asks for \w+.open\)"):
            load_images({"kind": "cifar10"}, root, 0)
        assert not trace.exists()


def test_cifar10_is_extracted_from_its_archive_alone_if_that_is_the_original(small_cifar10, monkeypatch):
    root, images = small_cifar10
    with tarfile.open(root / CIFAR10.filename, "w:gz") as archive:
        archive.add(root / CIFAR10.base_folder, CIFAR10.base_folder)
    for file in (root / CIFAR10.base_folder).iterdir():
        file.unlink()
    with pytest.raises(
        InfoflowError, match=r"cannot download CIFAR10 \(data_batch_1, .*: no connection; .* put them there"
    ):
        load_images({"kind": "cifar10"}, root, 0)
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5((root / CIFAR10.filename).read_bytes()).hexdigest())
    assert np.array_equal(load_images({"kind": "cifar10", "colour": True}, root, 0).test_images, images[15:])


def test_damaged_batches_are_kept_where_others_are_missing(small_cifar10):
    root, _ = small_cifar10
    (root / CIFAR10.base_folder / "data_batch_1").unlink()
    (root / CIFAR10.base_folder / "test_batch").write_bytes(b"cut off")
    with pytest.raises(InfoflowError, match="test_batch: wrong checksum"):
        load_images({"kind": "cifar10"}, root, 0)
    assert (root / CIFAR10.base_folder / "test_batch").read_bytes() == b"cut off"


def test_a_batch_that_cannot_be_read_is_named(small_cifar10):
    root, _ = small_cifar10
    (root / CIFAR10.base_folder / "data_batch_1").unlink()
    (root / CIFAR10.base_folder / "data_batch_1").mkdir()
    with pytest.raises(InfoflowError, match="data_batch_1: cannot be read"):
        load_images({"kind": "cifar10"}, root, 0)
