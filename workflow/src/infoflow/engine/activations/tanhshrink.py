"""z - tanh(z)."""

from infoflow.engine.activations.activation import Activation
from infoflow.engine.activations.tanh import tanh

ACTIVATION = Activation(lambda z: z - tanh(z), lambda g, z, a: g * (z - a).square_())
