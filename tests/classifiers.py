"""torchvision's classifiers with random weights, on the smallest images that they take, and what capturing does."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import torch
import torchvision
from torch import nn
from torchvision.models import VisionTransformer

from infoflow.errors import InfoflowError
from infoflow.modules.capture import capture, cut, untouched

SIDES = 32, 48, 64, 80, 96, 128, 160, 192, 224


FAST = 20
"""Passes of networks that take less than a second for all of them."""


@dataclass(frozen=True)
class Examined:
    """What came of capturing a network.

    Attributes:
        blocks: names of those that were proved by replay.
        outputs_equal: whether the pass with capture gave what a plain one gives, to the bit.
        changed: what of the model was not left as it was.
        seconds: of a plain pass, of one with capture, and of finding the blocks.
    """

    blocks: tuple[str, ...]
    outputs_equal: bool
    changed: list[str]
    seconds: tuple[float, float, float]


def names() -> list[str]:
    return torchvision.models.list_models(module=torchvision.models)


def build(name: str, small: bool = False) -> nn.Module:
    """With random weights; the vision transformers, which take one size of images, of a small one if asked."""
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}  # drawn the slow way else
    if small and name.startswith("vit_"):
        options["image_size"] = 28 if name.endswith("14") else 32
    return torchvision.models.get_model(name, weights=None, **options)


def smallest(model: nn.Module, samples: int) -> torch.Tensor:
    """A batch of the smallest images that it takes."""
    for side in (model.image_size,) if isinstance(model, VisionTransformer) else SIDES:
        batch = torch.randn(samples, 3, side, side, generator=torch.Generator().manual_seed(side))
        try:
            with untouched(model), torch.no_grad():
                model(batch)
        except (RuntimeError, AssertionError, ValueError):  # too small in one of torch's many ways
            continue
        return batch
    raise InfoflowError(f"no size of images up to {SIDES[-1]} is taken")


def examine(model: nn.Module, batch: torch.Tensor, clock: Callable[[Callable], float], repeats: int) -> Examined:
    """Capture a network.

    Args:
        clock: seconds of a call.
        repeats: passes at least, plain and with capture in turn.
    """
    before, flags = digests(model), [m.training for m in model.modules()]
    attributes = [set(m.__dict__) for m in model.modules()]
    random, found, plain, captured = torch.get_rng_state(), [], [], []
    with untouched(model):
        finding = clock(lambda: found.append(cut(model, batch)))
        (blocks,) = found

        @torch.no_grad()
        def run() -> None:
            found.append(model(batch))

        while len(plain) < repeats or (repeats > 1 and len(plain) < FAST and sum(plain) < 1):
            del found[:]
            plain.append(clock(run))
            captured.append(clock(lambda: found.append(capture(blocks, batch))))
        outputs, states = found
    after = digests(model)
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    changed += ["flags"] * (flags != [m.training for m in model.modules()])
    changed += ["attributes"] * (attributes != [set(m.__dict__) for m in model.modules()])
    changed += ["random numbers"] * (not torch.equal(random, torch.get_rng_state()))
    equal = torch.equal(outputs, states.outputs) and torch.equal(states.states[-1], outputs)
    return Examined(tuple(b.name for b in blocks.blocks), equal, changed, (min(plain), min(captured), finding))


def digests(model: nn.Module) -> dict[str, bytes]:
    """Of all weights and buffers; copies would not fit beside the largest networks."""
    return {name: sha256(value.contiguous().numpy()).digest() for name, value in model.state_dict().items()}
