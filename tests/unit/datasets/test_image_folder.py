import logging
import os

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
    with pytest.raises(InfoflowError, match="1.png: .*more than 8 bits per channel: set range of the data set, like"):
        load_images(FOLDER, own_pictures, 0)


def test_a_folder_with_too_few_pictures_or_none_is_refused(own_pictures):
    with pytest.raises(InfoflowError, match=r"own: .* are 9 \+ 4, but there are only 12 pictures, .*; choose fewer"):
        load_images(FOLDER | {"train_samples": 9}, own_pictures, 0)
    with pytest.raises(InfoflowError, match="nowhere: .*No such file .*; path should be a directory"):
        load_images(FOLDER | {"path": "nowhere"}, own_pictures, 0)
    with pytest.raises(InfoflowError, match="own/a: it has no folders, but 5 files; path should be a directory"):
        load_images(FOLDER | {"path": "own/a"}, own_pictures, 0)
    for name in ("empty", "none"):
        (own_pictures / "own" / name).mkdir()
    with pytest.raises(InfoflowError, match="own: there is no picture in empty, none; remove what is no class"):
        load_images(FOLDER, own_pictures, 0)


def save(root, *names, size=(20, 20), **options) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (100, 150, 200)).save(root / name, **options)


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, "infoflow")
    return caplog


def test_what_was_read_and_what_was_left_out_is_in_the_log(own_pictures, log):
    load_images(FOLDER, own_pictures, 0)
    (line,) = log.messages
    assert line.endswith("own: 12 pictures, 3 classes: a 4, b 4, c 4, 2 files left out (2 .txt)")


@pytest.mark.parametrize("ending", ["webp", "gif", "bmp", "tif", "tiff", "jpeg", "ppm", "tga", "jp2", "ico"])
def test_pictures_of_every_format_are_read(tmp_path, ending):
    save(tmp_path / "own", *(f"{label}/{k}.{ending}" for label in "ab" for k in range(2)))
    images = load_images(FOLDER | {"train_samples": 2, "test_samples": 2}, tmp_path, 0)
    pixels = np.concatenate([images.train_images, images.test_images]).reshape(-1, 3).astype(int)
    assert (abs(pixels - (100, 150, 200)) <= 12).all()  # GIF has a palette


@pytest.mark.parametrize(("tag", "turned"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_photographs_are_turned_as_their_exif_says(tmp_path, tag, turned):
    scene = np.zeros((40, 40), np.uint8)
    scene[:20, :20] = 255
    exif = Image.Exif()
    exif[0x0112] = tag
    (tmp_path / "own/a").mkdir(parents=True)
    for k in range(4):
        Image.fromarray(scene).save(tmp_path / f"own/a/{k}.jpg", exif=exif)
    options = FOLDER | {"train_samples": 2, "test_samples": 2, "colour": False}
    seen = load_images(options, tmp_path, 0).train_images[0]
    assert np.array_equal(seen[3::10, 3::10] > 127, np.rot90(scene, turned)[8::24, 8::24] > 127)


def test_files_and_folders_that_begin_with_a_dot_are_not_there(own_pictures, log):
    (own_pictures / "own/a/._1.png").write_bytes(b"of another system")
    (own_pictures / "own/.ipynb_checkpoints").mkdir()
    save(own_pictures / "own/c", ".ipynb_checkpoints/3-checkpoint.png")
    (own_pictures / "own/b/Thumbs.db").write_bytes(b"of another system")
    assert load_images(FOLDER, own_pictures, 0).class_names == ("a", "b", "c")
    assert "12 pictures" in log.text
    assert "3 files left out (1 .db, 2 .txt)" in log.text


def test_what_was_left_out_is_told_where_pictures_are_too_few(own_pictures):
    (own_pictures / "own/a/photo.HEIC").write_bytes(b"no format of Pillow")
    with pytest.raises(
        InfoflowError, match=r"only 12 pictures, and 3 files left out \(1 .heic, 2 .txt\); choose fewer"
    ):
        load_images(FOLDER | {"train_samples": 9}, own_pictures, 0)


def test_classes_whose_names_are_not_in_utf8_can_be_written(own_pictures):
    os.rename(own_pictures / "own/c", os.fsencode(own_pictures / "own") + b"/c\xff")
    names = load_images(FOLDER, own_pictures, 0).class_names
    assert names == ("a", "b", "c\ufffd")
    assert "".join(names).encode("utf-8")


def test_all_unreadable_files_are_named_at_once(own_pictures):
    for name in ("a/1.png", "c/8.png", "b/3.png"):
        (own_pictures / "own" / name).write_bytes(b"damaged")
    with pytest.raises(InfoflowError, match="^3 files are not readable pictures; remove or replace them: ") as refused:
        load_images(FOLDER, own_pictures, 0)
    assert all(f"own/{name} (" in str(refused.value) for name in ("a/1.png", "c/8.png", "b/3.png"))


@pytest.mark.parametrize("test", ["test", "val"])
def test_a_split_of_the_users_own_is_kept(tmp_path, log, test):
    save(tmp_path / "own", *(f"train/{label}/{k}.png" for label in ("cat", "dog") for k in range(3)))
    save(tmp_path / "own", *(f"{test}/{label}/{k}.png" for label in ("cat", "dog") for k in range(2)), size=(30, 20))
    if test == "test":
        save(tmp_path / "own", "val/cat/0.png", "val/dog/0.png")
    images = load_images(FOLDER | {"train_samples": 6, "test_samples": 4}, tmp_path, 0)
    assert images.class_names == ("cat", "dog")
    assert np.bincount(images.train_labels).tolist() == [3, 3]
    assert np.bincount(images.test_labels).tolist() == [2, 2]
    assert "to train on: 6 pictures, 2 classes: cat 3, dog 3" in log.text
    assert ("val left out, as test is there" in log.text) == (test == "test")
    with pytest.raises(InfoflowError, match="own: test_samples is 5, but its folder has only 4 pictures; choose fewer"):
        load_images(FOLDER | {"train_samples": 6, "test_samples": 5}, tmp_path, 0)


def test_what_is_half_a_split_is_refused(tmp_path):
    save(tmp_path / "own", "train/cat/0.png", "train/dog/1.png", "val/cat/2.png", "val/dog/3.png")
    save(tmp_path / "own", "val/bird/4.png")
    with pytest.raises(InfoflowError, match="own: train and val have other folders: bird is in one of them alone"):
        load_images(FOLDER, tmp_path, 0)
    (tmp_path / "own/labels").mkdir()
    with pytest.raises(
        InfoflowError, match="own: train and val look like a split .*, but labels stands beside them; set"
    ):
        load_images(FOLDER, tmp_path, 0)
    save(tmp_path / "flat", "train/0.png", "train/1.png", "test/2.png")
    with pytest.raises(InfoflowError, match="flat/train: it has no folders, but 2 files; path should be a directory"):
        load_images(FOLDER | {"path": "flat"}, tmp_path, 0)


def test_folders_that_are_called_like_a_part_of_a_split_may_be_classes(tmp_path):
    save(tmp_path / "own", *(f"{label}/{k}.png" for label in ("train", "bus") for k in range(3)))
    assert load_images(FOLDER | {"train_samples": 3, "test_samples": 2}, tmp_path, 0).class_names == ("bus", "train")


def test_a_rare_class_is_in_both_sets(tmp_path):
    save(tmp_path / "own", *(f"common/{k}.png" for k in range(60)), "rare/0.png", "rare/1.png", "single/0.png")
    for seed in range(5):
        images = load_images(FOLDER | {"train_samples": 20, "test_samples": 10}, tmp_path, seed)
        assert np.bincount(images.train_labels, minlength=3).tolist() == [18, 1, 1]
        assert np.bincount(images.test_labels, minlength=3).tolist() == [9, 1, 0]


def test_pictures_of_16_bits_are_scaled_by_a_range(tmp_path):
    (tmp_path / "own/a").mkdir(parents=True)
    for k in range(2):
        Image.fromarray(np.full((20, 20), 16384, np.uint16)).save(tmp_path / f"own/a/{k}.{'png' if k else 'tif'}")
        Image.new("L", (20, 20), 51).save(tmp_path / f"own/a/{k}.bmp")
    options = FOLDER | {"train_samples": 2, "test_samples": 2, "range": [0, 65536]}
    images = load_images(options, tmp_path, 0)
    pixels = np.concatenate([images.train_images, images.test_images])
    assert pixels.shape == (4, 16, 16, 3)
    assert np.allclose(np.sort(pixels[:, 0, 0, 0]), [0.2, 0.2, 0.25, 0.25])
    assert (pixels == pixels[:, :1, :1, :1]).all()
    with pytest.raises(InfoflowError, match=r"2 files .* \(values from 16384 to 16384, beyond range \[0, 4095\]\)"):
        load_images(options | {"range": [0, 4095]}, tmp_path, 0)
