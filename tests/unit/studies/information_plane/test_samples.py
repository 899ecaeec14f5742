"""The samples that networks are trained and measured on."""

import numpy as np
import pytest
import torch

from infoflow.datasets.o3 import all_patterns
from infoflow.engine.images import PreparedImages
from infoflow.errors import InfoflowError
from infoflow.studies.information_plane.samples import narrow, take_samples


def made_up(inputs: np.ndarray, labels: list[int]) -> PreparedImages:
    half = len(inputs) // 2
    x, y = torch.from_numpy(inputs), torch.tensor(labels)
    return PreparedImages(x[:half], x[half:], y[:half], y[half:], torch.arange(len(x) - half))


def test_samples_are_all_of_the_data_set_or_a_choice_that_keeps_the_order(patterns):
    inputs, labels = take_samples(patterns, None, 1, "o3.nc")
    np.testing.assert_array_equal(inputs.numpy(), all_patterns()[::16])
    some, of = take_samples(patterns, 50, 1, "o3.nc")
    position = [int((inputs == x).all(1).nonzero()) for x in some]
    assert position == sorted(position)
    assert len(set(position)) == 50
    np.testing.assert_array_equal(labels[position], of)
    with pytest.raises(InfoflowError, match="information_plane.samples is 257, but o3.nc has only 256 samples"):
        take_samples(patterns, 257, 1, "o3.nc")


def test_samples_that_are_equal_are_refused():
    same = np.zeros((3, 12), np.uint8)
    images = made_up(np.concatenate([same, same + 1]), [0, 1, 2, 0, 1, 2])
    with pytest.raises(InfoflowError, match="x.nc: 4 of 6 samples equal another one"):
        take_samples(images, None, 1, "x.nc")


def test_samples_of_one_class_are_refused():
    with pytest.raises(InfoflowError, match="x.nc: all 4 images to learn from are of class 2"):
        take_samples(made_up(np.eye(4, dtype=np.float32), [2, 2, 2, 2]), None, 1, "x.nc")


def test_results_are_stored_in_single_precision():
    kept = narrow({"a": (("x",), np.ones(2)), "b": (("x",), np.ones(2, np.int8))})
    assert {name: values.dtype.name for name, (_, values) in kept.items()} == {"a": "float32", "b": "int8"}
