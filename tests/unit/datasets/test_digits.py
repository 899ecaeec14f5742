import numpy as np
from sklearn.datasets import load_digits

from infoflow.datasets.images import load_images


def test_digits_are_split_without_overlap_by_the_seed(tmp_path):
    a, b, c = (load_images({"kind": "digits"}, tmp_path, seed) for seed in (0, 0, 1))
    assert a.train_images.shape == (1437, 8, 8)
    assert a.test_images.shape == (360, 8, 8)
    assert np.array_equal(a.test_images, b.test_images)
    assert not np.array_equal(a.test_images, c.test_images)
    parts = np.concatenate([a.train_images, a.test_images]).reshape(1797, -1)
    assert sorted(map(bytes, parts)) == sorted(map(bytes, load_digits().data.astype(np.uint8)))
