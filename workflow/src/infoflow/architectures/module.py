"""A network that an installed package publishes, see `published`: a factory of modules."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from infoflow.architectures.layer_lists import channels_first
from infoflow.architectures.modular import Modular
from infoflow.architectures.published import find_factory, package_of
from infoflow.errors import InfoflowError


def build(
    options: Mapping[str, Any], input_shape: tuple[int, ...], classes: int, depth: int, readout: str = "logits"
) -> Modular:
    """See `infoflow.architectures.build.build_network`; the scores are as the module gives them.

    The factory is called with the shape of an input, [channel, row, column] or [unit], the number of classes, the depth
    and the options of the config by name.
    """
    name = options["factory"]
    point = find_factory(name)
    if (there := package_of(point)) != options["package"]:
        raise InfoflowError(f"factory {name}: the workflow was planned with {options['package']}, but here is {there}")

    def make() -> nn.Module:
        return point.load()(channels_first(input_shape), classes, depth, **options["options"])

    return Modular(f"factory {name} of {there}", make, input_shape, classes, options["weights"])
