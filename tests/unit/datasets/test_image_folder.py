import numpy as np
import pytest
import torch
from PIL import Image

from infoflow.datasets.images import load_images
from infoflow.errors import InfoflowError

FOLDER = {"kind": "image_folder", "path": "own", "size": 16, "train_samples": 8, "test_samples": 4}


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
