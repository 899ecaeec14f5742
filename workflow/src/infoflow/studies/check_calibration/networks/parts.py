"""What the networks of the collection are made of: plain modules, and ways to draw their weights."""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

Draw = Callable[[torch.Tensor], object]
"""Fills a tensor of weights in place, from torch's global random state."""


def he(w: torch.Tensor) -> None:
    """N(0, 2/fan-in)."""
    nn.init.kaiming_normal_(w, nonlinearity="relu")


def glorot(w: torch.Tensor) -> None:
    """Uniform, of variance 2/(fan-in + fan-out)."""
    nn.init.xavier_uniform_(w)


def lecun(w: torch.Tensor) -> None:
    """N(0, 1/fan-in)."""
    nn.init.kaiming_normal_(w, nonlinearity="linear")


def orthogonal(w: torch.Tensor) -> None:
    """Orthogonal rows or columns, of gain 1."""
    nn.init.orthogonal_(w)


def normal(deviation: float) -> Draw:
    """N(0, deviation²), whatever the fan-in."""
    return lambda w: nn.init.normal_(w, std=deviation)


def uniform(bound: float) -> Draw:
    """U(−bound, bound), whatever the fan-in."""
    return lambda w: nn.init.uniform_(w, -bound, bound)


def variance(sigma_w2: float) -> Draw:
    """N(0, σ_w²/fan-in)."""
    return lambda w: nn.init.normal_(w, std=math.sqrt(sigma_w2 * w.shape[0] / w.numel()))


def initialise(module: nn.Module, weights: Draw | None, biases: Draw | None = nn.init.zeros_) -> nn.Module:
    """The module, with the weights of its dense layers and convolutions drawn anew; None leaves torch's default."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.modules.conv._ConvNd):
            if weights is not None:
                weights(part.weight.data)
            if biases is not None and weights is not None and part.bias is not None:
                biases(part.bias.data)
    return module


def scale(module: nn.Module, factor: float) -> nn.Module:
    """The module, with all its parameters times a number."""
    for p in module.parameters():
        p.data.mul_(factor)
    return module


def mlp(
    widths: Sequence[int],
    activation: Callable[[], nn.Module] = nn.ReLU,
    *,
    last: Callable[[], nn.Module] | None = None,
    bias: bool = True,
    dropout: float = 0.0,
    norm: Callable[[int], nn.Module] | None = None,
) -> nn.Sequential:
    """Dense layers of those widths, inputs and outputs included; images are flattened.

    Args:
        activation: behind every layer but the last one.
        last: behind the last one.
        dropout: probability of losing an input of a layer, those of the network included.
        norm: of so many units, before the activation.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for k, (fan_in, fan_out) in enumerate(itertools.pairwise(widths), start=1):
        if dropout:
            layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear(fan_in, fan_out, bias=bias))
        if k < len(widths) - 1:
            layers += [norm(fan_out)] if norm else []
            layers.append(activation())
        elif last is not None:
            layers.append(last())
    return nn.Sequential(*layers)


VGG16 = (64, 64, "P", 128, 128, "P", 256, 256, 256, "P", 512, 512, 512, "P", 512, 512, 512, "P")
"""Channels of the convolutions, and where it pools."""


def vgg(divided: int, head: Sequence[int] = (), norm: bool = False, plan: Sequence[int | str] = VGG16) -> nn.Sequential:
    """VGG16 for 3 × 32 × 32, its channels divided by a number; `head`, widths of dense layers before the scores."""
    layers: list[nn.Module] = []
    channels = 3
    for entry in plan:
        if entry == "P":
            layers.append(nn.MaxPool2d(2))
            continue
        layers.append(nn.Conv2d(channels, entry // divided, 3, padding=1))
        channels = entry // divided
        layers += [nn.BatchNorm2d(channels)] if norm else []
        layers.append(nn.ReLU())
    layers.append(nn.Flatten())
    for width in head:
        layers += [nn.Linear(channels, width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.Linear(channels, 10))


class Residual(nn.Module):
    """x + scale · branch(x); with a shortcut, shortcut(x) in place of x."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module | None = None, factor: float = 1.0):
        super().__init__()
        self.branch, self.shortcut, self.factor = branch, shortcut or nn.Identity(), factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, ...] to [B, ...]."""
        return self.shortcut(x) + self.factor * self.branch(x)


class Mean(nn.Module):
    """Mean over some axes."""

    def __init__(self, *axes: int):
        super().__init__()
        self.axes = axes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, ...] to [B, ...] without these axes."""
        return x.mean(self.axes)


def preactivation(fan_in: int, channels: int, stride: int) -> Residual:
    """A block of a pre-activation ResNet: norm, ReLU, convolution, twice."""
    branch = nn.Sequential(
        nn.BatchNorm2d(fan_in),
        nn.ReLU(),
        nn.Conv2d(fan_in, channels, 3, stride, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
    )
    plain = stride == 1 and fan_in == channels
    return Residual(branch, None if plain else nn.Conv2d(fan_in, channels, 1, stride, bias=False))


def preactivation_resnet(width: int, blocks: Sequence[int] = (2, 2, 2, 2), last_norm: bool = True) -> nn.Sequential:
    """A pre-activation ResNet for 3 × 32 × 32; its stages have `width`, 2, 4, 8 · `width` channels."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1, bias=False)]
    channels = width
    for stage, number in enumerate(blocks):
        for k in range(number):
            layers.append(preactivation(channels, width * 2**stage, 2 if stage and k == 0 else 1))
            channels = width * 2**stage
    layers += [nn.BatchNorm2d(channels), nn.ReLU()] if last_norm else []
    return nn.Sequential(*layers, Mean(2, 3), nn.Linear(channels, 10))


class Transformer(nn.Module):
    """Encoder layers between an embedding of patches or tokens and a readout of the mean over the tokens.

    Args:
        embedding: images or token ids to [B, T, width].
        tokens: T.
        layers: `nn.TransformerEncoder` copies one layer; here each one is drawn by itself unless `equal`.
        pre_norm: norm before the branches, and one more at the end; else behind the sums.
    """

    def __init__(
        self,
        embedding: nn.Module,
        tokens: int,
        width: int,
        layers: int,
        *,
        classes: int = 10,
        pre_norm: bool = True,
        equal: bool = False,
    ):
        super().__init__()

        def layer() -> nn.Module:
            return nn.TransformerEncoderLayer(width, 4, 4 * width, 0.0, batch_first=True, norm_first=pre_norm)

        self.embedding = embedding
        self.positions = nn.Parameter(0.02 * torch.randn(tokens, width))
        if equal:
            self.layers = nn.TransformerEncoder(layer(), layers, enable_nested_tensor=False)
        else:
            self.layers = nn.Sequential(*(layer() for _ in range(layers)))
        self.norm = nn.LayerNorm(width) if pre_norm else nn.Identity()
        self.readout = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images [B, channel, row, column] or token ids [B, T] to scores."""
        x = self.norm(self.layers(self.embedding(x) + self.positions))
        return self.readout(x.mean(1))


class Patches(nn.Module):
    """Images cut into squares, each a token."""

    def __init__(self, channels: int, size: int, width: int):
        super().__init__()
        self.project = nn.Conv2d(channels, width, size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, channel, row, column] to [B, T, width]."""
        return self.project(x).flatten(2).transpose(1, 2)


def truncated(module: nn.Module, deviation: float = 0.02) -> nn.Module:
    """The module, all its matrices drawn from a truncated normal distribution, biases of dense layers zero."""
    for name, p in module.named_parameters():
        if p.ndim > 1:
            nn.init.trunc_normal_(p.data, std=deviation)
        elif name.endswith("bias"):
            p.data.zero_()
    return module


class Sine(nn.Module):
    """sin(ω x)."""

    def __init__(self, omega: float = 30.0):
        super().__init__()
        self.omega = omega

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, ...] to [B, ...]."""
        return torch.sin(self.omega * x)


class Rays(nn.Module):
    """Opacities of rays from the density at points along them, 1 − exp(−Σ density · step).

    Coordinates are encoded by sines and cosines of six octaves. The density is one unit behind `positive`.
    """

    def __init__(self, width: int, layers: int, positive: Callable[[], nn.Module], step: float):
        super().__init__()
        self.octaves, self.step = 6, step
        hidden = [3 + 6 * self.octaves, *[width] * layers, 1]
        self.density = nn.Sequential(*mlp(hidden)[1:], positive())

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """[B, points, 3] to [B]."""
        angles = torch.cat([math.pi * 2**k * points for k in range(self.octaves)], -1)
        density = self.density(torch.cat([points, angles.sin(), angles.cos()], -1))
        return 1 - torch.exp(-self.step * density.squeeze(-1).sum(-1))


class UNet(nn.Module):
    """Two levels down and up again, with ReLU everywhere, behind the mask too; no norm."""

    def __init__(self, channels: int):
        super().__init__()

        def twice(fan_in: int, c: int) -> nn.Module:
            return nn.Sequential(
                nn.Conv2d(fan_in, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1), nn.ReLU()
            )

        self.down1, self.down2 = twice(1, channels), twice(channels, 2 * channels)
        self.bottom = twice(2 * channels, 4 * channels)
        self.up2, self.up1 = twice(6 * channels, 2 * channels), twice(3 * channels, channels)
        self.pool, self.grow = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)
        self.mask = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, 1, row, column] to masks of the same shape."""
        first = self.down1(x)
        second = self.down2(self.pool(first))
        up = self.up2(torch.cat([self.grow(self.bottom(self.pool(second))), second], 1))
        return self.mask(self.up1(torch.cat([self.grow(up), first], 1)))


def dice(masks: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """1 − 2 Σ p t / (Σ p² + Σ t²), mean over the images; 1 where nothing is found."""
    p, t = masks.flatten(1), targets.flatten(1)
    return (1 - (2 * (p * t).sum(1) + 0.01) / ((p**2).sum(1) + (t**2).sum(1) + 0.01)).mean()


def half_squared(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """½ Σ over the outputs of (output − target)², mean over the samples."""
    return 0.5 * ((outputs - targets) ** 2).sum(1).mean()
