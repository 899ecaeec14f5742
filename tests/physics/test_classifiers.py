"""torchvision's classifiers: each is captured, proved by replay, and left as it was."""

import gc
import time
from collections.abc import Callable

import pytest
import torch

from classifiers import Examined, build, examine, names, smallest

BLOCKS = {
    "squeezenet1_1": ["features.0", "features.2", "features.3.squeeze", "features.3.expand1x1 … features.3.expand3x3"],
    "resnet18": ["conv1", "maxpool", *(f"layer{l}.{k}" for l in range(1, 5) for k in range(2)), "fc"],
    "alexnet": [f"features.{l}" for l in (0, 2, 3, 5, 6, 8, 10, 12)],
    "shufflenet_v2_x0_5": ["conv1.0", "maxpool", *(f"stage2.{k}" for k in range(4))],
    "mobilenet_v3_small": [f"features.{l}" for l in ("0.0", "1.block.0.0", "1.block.1", "1.block.2.0")],
    "mnasnet0_5": ["layers.0", "layers.3", "layers.6"],
}
"""The first ones of six small networks."""


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def examined(name: str) -> Examined:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build(name, small=True)
    return examine(model, smallest(model, 5), seconds, 1)


@pytest.mark.parametrize("name", [*BLOCKS])
def test_small_classifiers(name):
    found = examined(name)
    assert found.outputs_equal
    assert not found.changed
    assert len(found.blocks) > 8
    assert [*found.blocks[: len(BLOCKS[name])]] == BLOCKS[name]


@pytest.mark.long
@pytest.mark.parametrize("name", names())
def test_all_classifiers(name):
    found = examined(name)
    assert found.outputs_equal
    assert not found.changed
    assert len(found.blocks) > 8
    gc.collect()
