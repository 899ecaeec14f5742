"""A multilayer perceptron of the engine, and the same written as a list of layers, with the same weights."""

import torch

from infoflow.architectures.build import build_network

WIDTH = 11
MLP = {"kind": "mlp", "layout": "wide", "width": WIDTH, "activation": "tanh"}
LISTED = {
    "kind": "layers",
    "weights": "gaussian",
    "initialization": "gaussian",
    "layers": [{"layers": [{"dense": WIDTH}, {"activation": "tanh"}], "repeat": "depth"}],
}


def with_weights_of(mlp):
    """A function in place of `draw_module`: the weights are those that the network of the engine has."""

    def draw(network, ensemble, replica, **to):
        module = network.make()
        one = [ensemble.replicas.index(replica)]
        layers = [part for part in module if hasattr(part, "weight")]
        with torch.no_grad():
            for layer, parameters in zip(layers, ensemble.draw_network(mlp), strict=True):
                layer.weight.copy_(parameters["weight"][one][0].T)
                layer.bias.copy_(parameters["bias"][one][0].flatten())
        return module.to(**to)

    return draw


def both(shape, classes, depth, activation="tanh"):
    """The network of the engine, that of modules, and the function."""
    layers = [{"layers": [{"dense": WIDTH}, {"activation": activation}], "repeat": "depth"}]
    mlp = build_network(MLP | {"activation": activation}, shape, classes, depth)
    listed = build_network(LISTED | {"layers": layers}, shape, classes, depth)
    return mlp, listed, with_weights_of(mlp)
