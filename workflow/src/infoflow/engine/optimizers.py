"""Optimisers of parameters that are stacked over networks; each network moves as if it were alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from infoflow.engine.maps.map import Parameters

Target = tuple[Parameters, float, float]
"""Where the way back through a layer adds its gradient, see `maps.map.vjp`: into, decay, scale."""


class Adam:
    """torch.optim.Adam(fused=True) on gradients in fixed buffers; with a decoupled weight decay, torch.optim.AdamW.

    It calls the same kernels; the classes in torch.optim cost every process that makes one 1.8 s, because they import
    the compiler.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], learning_rate: float, weight_decay: float = 0.0):
        self.parameters = list(parameters)
        self.gradients = [torch.zeros_like(p) for p in self.parameters]
        self._moments = [torch.zeros_like(p) for p in self.parameters]
        self._squares = [torch.zeros_like(p) for p in self.parameters]
        self._steps = [torch.zeros((), dtype=torch.float32, device=p.device) for p in self.parameters]
        self._options = {"lr": learning_rate, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": weight_decay}

    def step(self) -> None:
        """Move the parameters, in place."""
        torch._foreach_add_(self._steps, 1)
        torch._fused_adamw_(
            self.parameters,
            self.gradients,
            self._moments,
            self._squares,
            [],
            self._steps,
            amsgrad=False,
            maximize=False,
            **self._options,
        )

    def keep(self, networks: torch.Tensor, parameters: Sequence[torch.Tensor]) -> None:
        """Go on with some networks, a mask [N], and with their parameters."""
        self.parameters = list(parameters)
        for state in (self.gradients, self._moments, self._squares):
            state[:] = [part[networks] for part in state]


class AdamW:
    """`Adam` on the layers of networks."""

    def __init__(self, layers: Sequence[Parameters], settings: Mapping[str, Any]):
        self._adam = Adam(_flat(layers), settings["learning_rate"], settings["weight_decay"])
        self._lay_out(layers)

    def target(self, layer: int) -> Target:
        """Where the gradient of a layer goes."""
        return self._gradients[layer], 0.0, 1.0

    def step(self) -> None:
        """Move the parameters by the gradients that have come in, all of them."""
        self._adam.step()

    def keep(self, networks: torch.Tensor, layers: Sequence[Parameters]) -> None:
        """Go on with some networks, a mask [N], and with the parameters of their layers."""
        self._adam.keep(networks, _flat(layers))
        self._lay_out(layers)

    def _lay_out(self, layers: Sequence[Parameters]) -> None:
        gradients = iter(self._adam.gradients)
        self._gradients = [{name: next(gradients) for name in layer} for layer in layers]


class Descent:
    """Stochastic gradient descent. The step of a layer is added as soon as its gradient is known: no memory for it."""

    def __init__(self, layers: Sequence[Parameters], settings: Mapping[str, Any]):
        self._layers, self._rate = layers, settings["learning_rate"]

    def target(self, layer: int) -> Target:
        """See `AdamW.target`."""
        return self._layers[layer], 1.0, -self._rate

    def step(self) -> None:
        """See `AdamW.step`."""

    def keep(self, networks: torch.Tensor, layers: Sequence[Parameters]) -> None:
        """See `AdamW.keep`."""
        self._layers = layers


class Momentum:
    """Stochastic gradient descent with momentum: the gradients are added to the velocity."""

    def __init__(self, layers: Sequence[Parameters], settings: Mapping[str, Any]):
        self._layers, self._rate, self._momentum = layers, settings["learning_rate"], settings["momentum"]
        self._velocity = [{name: torch.zeros_like(p) for name, p in layer.items()} for layer in layers]

    def target(self, layer: int) -> Target:
        """See `AdamW.target`."""
        return self._velocity[layer], self._momentum, 1.0

    def step(self) -> None:
        """See `AdamW.step`."""
        torch._foreach_add_(_flat(self._layers), _flat(self._velocity), alpha=-self._rate)

    def keep(self, networks: torch.Tensor, layers: Sequence[Parameters]) -> None:
        """See `AdamW.keep`."""
        self._layers = layers
        self._velocity = [{name: v[networks] for name, v in layer.items()} for layer in self._velocity]


def make_optimizer(layers: Sequence[Parameters], settings: Mapping[str, Any]) -> AdamW | Descent | Momentum:
    """The one that section `train` of a config asks for: optimizer, learning_rate, momentum, weight_decay."""
    if settings.get("optimizer", "sgd") == "adamw":
        return AdamW(layers, settings)
    return Momentum(layers, settings) if settings["momentum"] else Descent(layers, settings)


def _flat(layers: Sequence[Parameters]) -> list[torch.Tensor]:
    return [p for layer in layers for p in layer.values()]
