"""Few samples of a prepared data set; the whole of it is in test_prepared."""

import numpy as np
import pytest
import torch

from infoflow.datasets.images import Images
from infoflow.datasets.prepared import read_prepared, write_prepared
from infoflow.datasets.samples import read_samples
from infoflow.errors import InfoflowError
from infoflow.jobs.record import describe_job
from infoflow.streams import stream

DATA = {"seed": 0}
TRAIN, TEST, SHAPE = 40, 15, (3, 4)


@pytest.fixture
def write(tmp_path):
    """A function that writes a data set of images that all differ; `change` gets their pixels."""

    def written(change=lambda pixels: pixels, labels=True, levels=1, shape=SHAPE):
        pixels = change(np.random.default_rng(0).random((TRAIN + TEST, *shape)).astype(np.float32))
        classes = (np.arange(TRAIN) % 3, np.arange(TEST) % 3) if labels else (None, None)
        path = tmp_path / "a.nc"
        images = Images(pixels[:TRAIN], pixels[TRAIN:], *classes, levels)
        write_prepared(path, images, 0, describe_job("prepare_dataset", DATA))
        return path

    return written


def found_at(images, among) -> list[int]:
    """Where images are among others."""
    return [int(np.flatnonzero((among == image).all(axis=(1, 2))).item()) for image in images]


def test_samples_to_fit_to_are_a_choice_of_the_training_set(write):
    """Of images that differ, the same for the same seed, and part of every larger choice."""
    path = write()
    known = read_prepared(path, torch.device("cpu"), torch.float64).train_images.numpy()
    chosen = found_at(read_samples(path, DATA, 12, 5, seed=7).fit, known)
    assert chosen == stream(7, "kernel samples").permutation(TRAIN)[:12].tolist()
    assert len(set(chosen)) == 12
    assert found_at(read_samples(path, DATA, 30, 9, seed=7).fit, known)[:12] == chosen
    assert found_at(read_samples(path, DATA, 12, 5, seed=8).fit, known) != chosen
    assert sorted(found_at(read_samples(path, DATA, TRAIN, 5, seed=7).fit, known)) == list(range(TRAIN))


def test_samples_to_evaluate_are_those_of_every_other_method(write):
    """Whatever the seed."""
    path = write()
    expected = read_prepared(path, torch.device("cpu"), torch.float64).evaluation_images(9).numpy()
    for seed in (1, 2):
        assert np.array_equal(read_samples(path, DATA, 12, 9, seed).evaluation, expected)
    assert np.array_equal(read_samples(path, DATA, 12, 5, 1).evaluation, expected[:5])


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("shape", [SHAPE, (2, 3, 3)])
def test_shape_and_classes_are_those_of_the_whole(write, labels, shape):
    path = write(labels=labels, shape=shape)
    samples, whole = read_samples(path, DATA, 4, 3, 0), read_prepared(path, torch.device("cpu"), torch.float32)
    assert (samples.shape, samples.classes) == (whole.shape, whole.classes)
    assert (samples.fit.shape, samples.evaluation.shape) == ((4, *shape), (3, *shape))
    assert samples.fit.dtype == samples.evaluation.dtype == np.float64


def test_pixels_are_divided_by_their_levels(write):
    path = write(lambda pixels: np.rint(255 * pixels).astype(np.uint8), levels=255)
    samples = read_samples(path, DATA, TRAIN, TEST, 0)
    both = np.concatenate([samples.fit, samples.evaluation])
    assert 0 <= both.min() < 0.05
    assert 0.95 < both.max() <= 1
    assert np.abs(255 * both - np.rint(255 * both)).max() < 1e-12


def test_what_makes_no_sense_is_refused(write, tmp_path):
    with pytest.raises(InfoflowError, match="kernel_samples is 41, but the train.* set has 40 images; choose fewer"):
        read_samples(write(), DATA, TRAIN + 1, TEST, 0)
    with pytest.raises(InfoflowError, match="evaluation_samples is 16, but the test set has 15 images; choose fewer"):
        read_samples(write(), DATA, TRAIN, TEST + 1, 0)
    with pytest.raises(InfoflowError, match=r"a\.nc: made with seed = 0, not 1; delete it and run again"):
        read_samples(write(), {"seed": 1}, TRAIN, TEST, 0)
    with pytest.raises(InfoflowError, match=r"b\.nc"):
        read_samples(tmp_path / "b.nc", DATA, TRAIN, TEST, 0)


@pytest.mark.parametrize("wrong", [-0.01, 1.01, np.nan, np.inf])
@pytest.mark.parametrize("index", [3, TRAIN + 3])
def test_pixels_that_are_none_are_refused(write, wrong, index):
    """In both sets, where they are among the samples."""

    def change(pixels):
        pixels[index, 0, 0] = wrong
        return pixels

    with pytest.raises(
        InfoflowError, match=r"a\.nc: pixels are not within \[0, 1\], which its kind of data set should see to"
    ):
        read_samples(write(change), DATA, TRAIN, TEST, 0)
