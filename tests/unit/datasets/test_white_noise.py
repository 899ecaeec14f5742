import pytest

from infoflow.datasets.images import load_images

NOISE = {"kind": "white_noise", "shape": [3, 5], "train_samples": 2000, "test_samples": 30}


def test_white_noise_is_uniform(tmp_path):
    images = load_images(NOISE, tmp_path, 0)
    assert images.train_images.shape == (2000, 3, 5)
    assert images.train_labels is None
    # 30,000 draws: standard errors 0.0017 and 0.0005
    assert images.train_images.mean() == pytest.approx(0.5, abs=0.01)
    assert images.train_images.var() == pytest.approx(1 / 12, abs=0.005)
