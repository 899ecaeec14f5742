import gzip
import hashlib
import pickle
import stat
import struct
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision.datasets import CIFAR10

from infoflow import datasets
from infoflow.config import ARCHITECTURE_OPTIONS
from infoflow.datasets import find_data_root, load_images
from infoflow.datasets.cifar10 import to_grey
from infoflow.datasets.photographs import TEST_COLUMNS, TRAIN_COLUMNS, draw_boxes
from infoflow.decisions import explain_point
from infoflow.errors import InfoflowError
from infoflow.ground_truth import train_point
from infoflow.network_entropy import entropy_point
from infoflow.predicting import score_column
from infoflow.prepared import read_prepared, write_prepared

CPU = torch.device("cpu")
NOISE = {"kind": "white_noise", "shape": [3, 5], "train_samples": 2000, "test_samples": 30}
PHOTOGRAPHS = {"kind": "photographs", "size": 16, "train_samples": 20, "test_samples": 10}
FOLDER = {"kind": "image_folder", "path": "own", "size": 16, "train_samples": 8, "test_samples": 4}


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


@pytest.mark.parametrize(
    "options", [{"kind": "digits"}, {"kind": "o3"}, NOISE, NOISE | {"shape": [3, 5, 3]}, PHOTOGRAPHS]
)
def test_what_is_prepared_is_what_was_loaded(tmp_path, options):
    images = load_images(options, tmp_path, 0)
    write_prepared(tmp_path / "a.nc", images, 0, {})
    prepared = read_prepared(tmp_path / "a.nc", CPU, torch.float32)
    expected = torch.from_numpy(images.train_images).float() / images.levels
    assert torch.equal(prepared.train_images, expected)
    assert prepared.test_images.max() <= 1
    assert prepared.shape == images.train_images.shape[1:]
    if images.train_labels is not None:
        assert torch.equal(prepared.test_labels, torch.from_numpy(images.test_labels))
        assert prepared.classes == len(np.unique(images.train_labels))


def test_images_of_one_class_can_be_probed_but_not_learned(tmp_path):
    images, one = np.random.default_rng(0).random((20, 8, 8), np.float32), np.full(20, 3)
    path = tmp_path / "a.nc"
    write_prepared(path, datasets.Images(images[:12], images[12:], one[:12], np.arange(8)), 0, {})
    assert read_prepared(path, CPU, torch.float32).shape == (8, 8)
    mlp = ARCHITECTURE_OPTIONS["mlp"] | {"kind": "mlp", "width": 5}
    run = {"seed": 0, "replicas": 1, "precision": "float32"}
    train = {"epochs": 1, "batch_size": 4, "learning_rate": 0.1, "momentum": 0.0, "readout": "logits"}
    to, point = tmp_path / "b.nc", "w1.000000_b0.000000_d002"
    common = {"run": run, "threads": 1, "attributes": {}}
    for job in (
        lambda: train_point(path, to, point, mlp, train | {"success_accuracy": 0.9}, **common),
        lambda: score_column(path, to, point, [2], mlp, {"names": ["snip"], "batch_size": 4}, **common),
        lambda: entropy_point(path, to, point, mlp, {"images": 2, "samples": 4}, train, **common),
        lambda: explain_point(path, to, point, mlp, train, {"evaluation_samples": 4}, run, 1, 1, {}),
    ):
        with pytest.raises(InfoflowError, match="a.nc: all 12 images to learn from are of class 3; choose a data set"):
            job()
    assert not to.exists()
    entropy_point(path, to, point, mlp, {"images": 2, "samples": 4}, None, **common)


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
def small_cifar10(tmp_path, monkeypatch):
    """A data root whose CIFAR-10 has 5 × 3 + 3 images, and these images in their order; no network."""
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (6, 3, 32, 32, 3), np.uint8)
    monkeypatch.setattr(CIFAR10, "train_list", [[f"data_batch_{k}", None] for k in range(1, 6)])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", None]])
    for k, entry in enumerate([*CIFAR10.train_list, *CIFAR10.test_list]):
        (folder / entry[0]).write_bytes(cifar10_batch(images[k], [k, 9, 1]))
        entry[1] = hashlib.md5((folder / entry[0]).read_bytes()).hexdigest()
    monkeypatch.setattr("urllib.request.urlopen", no_connection)
    return tmp_path, images.reshape(-1, 32, 32, 3)


def no_connection(*_, **__):
    raise OSError("no connection")


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


def colour_of(number: int) -> tuple[int, int, int]:
    return number * 10, 255 - number * 10, 7


@pytest.fixture
def own_pictures(tmp_path):
    """A data root with 12 pictures of one colour each in the folder `own`, of different sizes, and other files."""
    for number in range(12):
        file = tmp_path / "own" / ("b", "a", "c")[number % 3] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12 + 5 * number, 40), colour_of(number)).save(file)
    (tmp_path / "own/a/notes.txt").write_text("not a picture")
    (tmp_path / "own/list.txt").write_text("not a class")
    return tmp_path


def test_a_folder_of_pictures_is_split_without_overlap_by_the_seed(own_pictures):
    images, same, other = (load_images(FOLDER, own_pictures, seed) for seed in (0, 0, 1))
    assert images.train_images.shape == (8, 16, 16, 3)
    assert images.test_images.shape == (4, 16, 16, 3)
    assert np.array_equal(images.train_images, same.train_images)
    assert not np.array_equal(images.test_labels, other.test_labels)
    pixels = np.concatenate([images.train_images, images.test_images])
    labels = np.concatenate([images.train_labels, images.test_labels])
    assert (pixels == pixels[:, :1, :1]).all()
    numbers = pixels[:, 0, 0, 0] // 10
    assert sorted(numbers) == list(range(12))
    assert [tuple(p) for p in pixels[:, 0, 0]] == [colour_of(int(n)) for n in numbers]
    assert labels.tolist() == [(1, 0, 2)[n % 3] for n in numbers]
    fewer = load_images(FOLDER | {"train_samples": 3}, own_pictures, 0)
    assert np.array_equal(fewer.test_images, images.test_images)
    assert np.array_equal(fewer.train_images, images.train_images[:3])


def test_pictures_are_prepared_as_for_pretrained_networks(tmp_path):
    from torchvision.transforms import functional
    from torchvision.transforms._presets import ImageClassification

    (tmp_path / "own/a").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k in range(4):
        pixels = rng.integers(0, 256, (300 + 7 * k, 390 - 60 * k, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"own/a/{k}.{'png' if k % 2 else 'JPEG'}")
    prepare = ImageClassification(crop_size=224, mean=(0, 0, 0), std=(1, 1, 1))
    files = [Image.open(f) for f in sorted((tmp_path / "own/a").iterdir())]
    expected = {
        functional.convert_image_dtype(prepare(f), torch.uint8).permute(1, 2, 0).numpy().tobytes() for f in files
    }
    options = {"kind": "image_folder", "path": str(tmp_path / "own"), "train_samples": 2, "test_samples": 2}
    images = load_images(options, tmp_path / "elsewhere", 0)
    assert images.train_images.shape == (2, 224, 224, 3)
    assert {bytes(image) for image in (*images.train_images, *images.test_images)} == expected


@pytest.mark.parametrize(("colour", "shape"), [(True, (16, 16, 3)), (False, (16, 16))])
def test_pictures_of_all_modes_become_alike(tmp_path, colour, shape):
    (tmp_path / "own/a").mkdir(parents=True)
    for mode in ("L", "RGB", "RGBA", "LA", "P", "1"):
        Image.new("RGB", (30, 20), (200, 200, 200)).convert(mode).save(tmp_path / f"own/a/{mode}.png")
    options = FOLDER | {"train_samples": 4, "test_samples": 2, "colour": colour}
    images = load_images(options, tmp_path, 0)
    assert images.train_images.shape[1:] == images.test_images.shape[1:] == shape
    for values in (images.train_images, images.test_images):
        assert values.dtype == np.uint8
        # a palette has colours near those that are wanted, and one bit only black and white
        assert (abs(np.median(values.reshape(len(values), -1), axis=1) - 200) <= 55).all()


def test_only_the_pictures_that_are_chosen_are_opened(own_pictures):
    options = FOLDER | {"train_samples": 2, "test_samples": 2}
    labels = load_images(options, own_pictures, 0).train_images[:, 0, 0, 0] // 10
    tests = load_images(options, own_pictures, 0).test_images[:, 0, 0, 0] // 10
    for file in (own_pictures / "own").glob("*/*.png"):
        if int(file.stem) not in (*labels, *tests):
            file.write_bytes(b"damaged")
    assert len(load_images(options, own_pictures, 0).train_images) == 2


def test_a_file_that_is_no_picture_is_named(own_pictures):
    file = own_pictures / "own/a/1.png"
    whole = file.read_bytes()
    for damaged in (b"", b"text", whole[:-30], whole[:40] + b"\0" * 40, b"%!PS-Adobe-3.0 EPSF-3.0"):
        file.write_bytes(damaged)
        with pytest.raises(InfoflowError, match=r"own/a/1.png: not a readable picture \(.*\); remove or replace it"):
            load_images(FOLDER, own_pictures, 0)


def test_pictures_of_16_bits_are_refused_rather_than_cut_off(own_pictures):
    Image.fromarray(np.full((20, 20), 9000, np.uint16)).save(own_pictures / "own/a/1.png")
    with pytest.raises(InfoflowError, match="1.png: .*more than 8 bits"):
        load_images(FOLDER, own_pictures, 0)


def test_a_folder_with_too_few_pictures_or_none_is_refused(own_pictures):
    with pytest.raises(InfoflowError, match=r"own: .* are 9 \+ 4, but there are only 12 pictures; choose fewer"):
        load_images(FOLDER | {"train_samples": 9}, own_pictures, 0)
    with pytest.raises(InfoflowError, match="nowhere: .*No such file .*; path should be a directory"):
        load_images(FOLDER | {"path": "nowhere"}, own_pictures, 0)
    with pytest.raises(InfoflowError, match="own/a: Couldn't find any class folder .*; path should be a directory"):
        load_images(FOLDER | {"path": "own/a"}, own_pictures, 0)
    (own_pictures / "own/empty").mkdir()
    with pytest.raises(InfoflowError, match="own: Found no valid file for the classes empty; path should be"):
        load_images(FOLDER, own_pictures, 0)


def test_crops_for_training_and_testing_share_no_pixel():
    train, test = (draw_boxes(np.random.default_rng(0), 5000, c, 427) for c in (TRAIN_COLUMNS, TEST_COLUMNS))
    for boxes, (start, stop), longest in ((train, TRAIN_COLUMNS, 256), (test, TEST_COLUMNS, 384)):
        left, upper, right, lower = boxes.T
        assert left.min() == start
        assert right.max() == stop
        assert upper.min() == 0
        assert lower.max() == 427
        assert np.array_equal(right - left, lower - upper)
        assert ((right - left).min(), (right - left).max()) == (longest // 2, longest)
    assert train[:, 2].max() <= test[:, 0].min()


def test_photographs_alternate_and_follow_from_the_seed(tmp_path):
    a, b, c = (load_images(PHOTOGRAPHS, tmp_path, seed) for seed in (0, 0, 1))
    assert a.train_images.shape == (20, 16, 16, 3)
    assert a.test_images.shape == (10, 16, 16, 3)
    assert a.train_labels.tolist() == [0, 1] * 10
    assert np.array_equal(a.train_images, b.train_images)
    assert np.array_equal(a.test_images, b.test_images)
    assert not np.array_equal(a.test_images, c.test_images)
    grey = load_images(PHOTOGRAPHS | {"colour": False}, tmp_path, 0)
    assert grey.test_images.shape == (10, 16, 16)
    assert abs(grey.test_images.astype(int) - to_grey(a.test_images)).max() <= 1  # rounded in another order


def test_only_crops_for_training_are_mirrored(tmp_path, monkeypatch):
    whole = np.array([(0, 0, 384, 384)]), np.array([(384, 0, 640, 256)])
    monkeypatch.setattr(
        "infoflow.datasets.photographs.draw_boxes",
        lambda rng, number, columns, height: np.repeat(whole[columns == TEST_COLUMNS], number, axis=0),
    )
    images = load_images(PHOTOGRAPHS | {"train_samples": 200}, tmp_path, 0)
    assert len(np.unique(images.test_images[::2], axis=0)) == 1
    kept, mirrored = np.unique(images.train_images[::2], axis=0)
    assert np.array_equal(kept, mirrored[:, ::-1])
    temple, flower = (Image.fromarray(p) for p in load_sample_images().images)
    for number, photograph in enumerate((temple, flower)):
        crop = photograph.crop((384, 0, 640, 256)).resize((16, 16), Image.Resampling.BILINEAR)
        assert np.array_equal(images.test_images[number], crop)
        assert images.test_labels[number] == number
    # 100 fair coins: 3 standard errors
    assert 35 <= (images.train_images[::2] == kept).all((1, 2, 3)).sum() <= 65


def test_every_registered_data_set_can_be_loaded_or_says_why_not(tmp_path, monkeypatch, own_pictures):
    monkeypatch.setattr("torchvision.datasets.MNIST.download", no_network)
    monkeypatch.setattr("urllib.request.urlopen", no_connection)
    options = {"white_noise": NOISE, "photographs": PHOTOGRAPHS, "image_folder": FOLDER}
    for kind in datasets.kinds():
        if kind in ("mnist", "fashion_mnist", "cifar10"):
            with pytest.raises(InfoflowError, match="cannot download"):
                load_images({"kind": kind}, tmp_path, 0)
        else:
            assert len(load_images(options.get(kind, {"kind": kind}), tmp_path, 0).train_images)
