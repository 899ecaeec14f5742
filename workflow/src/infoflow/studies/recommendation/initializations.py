"""Usual initialisations as points of the plane (σ_w², σ_b²), for layers with as many inputs as outputs.

σ_w² is the variance of the weights times the fan-in. Source: physics.md E16.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Initialization:
    """A point of the plane.

    Attributes:
        sigma_b2: of no biases 0; that of PyTorch's default falls with the fan-in and is taken as 0.
        comment: how the weights are drawn.
    """

    title: str
    sigma_w2: float
    sigma_b2: float
    comment: str


INITIALIZATIONS: dict[str, Initialization] = {
    "pytorch_default": Initialization(
        "PyTorch default", 1 / 3, 0.0, "weights and biases uniform within ±1/√fan-in: variance 1/(3 fan-in)"
    ),
    "glorot": Initialization("Glorot", 1.0, 0.0, "variance 2/(fan-in + fan-out)"),
    "lecun": Initialization("LeCun", 1.0, 0.0, "variance 1/fan-in"),
    "orthogonal": Initialization(
        "orthogonal", 1.0, 0.0, "orthogonal matrix: variance 1/fan-in, but not independent; judged as if they were"
    ),
    "he": Initialization("He", 2.0, 0.0, "variance 2/fan-in"),
}
