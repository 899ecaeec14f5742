"""A classifier of torchvision, by its name there. Grey levels enter it three times, as red, green and blue."""

from collections.abc import Mapping
from typing import Any

from torch import nn
from torchvision import models

from infoflow.architectures.modular import Modular

_WITHOUT_SIDE_OUTPUTS = {"aux_logits": False, "init_weights": True}
_OPTIONS = {"googlenet": _WITHOUT_SIDE_OUTPUTS, "inception_v3": _WITHOUT_SIDE_OUTPUTS}


def build(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Modular:
    """See `infoflow.architectures.build.build_network`; the depth is the model's own, and the scores are linear."""
    name = options["model"]

    def make() -> nn.Module:
        return models.get_model(name, weights=None, num_classes=classes, **_OPTIONS.get(name, {}))

    return Modular(f"torchvision model {name}", make, input_shape, classes, options["weights"], colour=True)
