"""Inverses of layers."""

from infoflow.engine.maps.compose import Chain
from infoflow.engine.maps.convolution import Convolution, TransposedConvolution
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.map import Map
from infoflow.engine.maps.pooling import Reshape


def inverse_of(layer: Map, activation: str = "tanh") -> Map:
    """The map that is trained to undo a layer: one of its own kind, or a dense one; published, with tanh."""
    match layer:
        case Convolution():
            shapes = layer.output_shape, layer.input_shape
            return TransposedConvolution(*shapes, activation, layer.kernel, layer.stride)
        case Chain():
            return Chain(tuple(inverse_of(part, activation) for part in reversed(layer.parts)))
        case Reshape():
            return Reshape(layer.output_shape, layer.input_shape)
        case _:
            return Dense(layer.output_shape, layer.input_shape, activation)
