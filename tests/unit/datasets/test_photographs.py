import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from infoflow.datasets.cifar10 import to_grey
from infoflow.datasets.images import load_images
from infoflow.datasets.photographs import TEST_COLUMNS, TRAIN_COLUMNS, draw_boxes

PHOTOGRAPHS = {"kind": "photographs", "size": 16, "train_samples": 20, "test_samples": 10}


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
