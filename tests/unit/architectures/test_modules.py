"""Any feed-forward network of torch."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from infoflow.architectures.modules import ACTIVATION_OF, cut_modules, import_parameters
from infoflow.engine.initialization import draw_uniform
from infoflow.engine.maps.convolution import Convolution, TransposedConvolution
from infoflow.engine.maps.dense import Dense
from infoflow.engine.maps.map import apply, record_of
from infoflow.engine.maps.pooling import MaxPool, Reshape, Unpool
from infoflow.errors import InfoflowError


@st.composite
def networks(draw):
    """A network of torch that fits the images, and their shape."""
    rows, columns, channels = draw(st.integers(5, 9)), draw(st.integers(5, 9)), draw(st.integers(1, 3))
    activation = st.sampled_from([*ACTIVATION_OF, nn.Identity])
    modules, sides, features = [], (rows, columns), channels
    for _ in range(draw(st.integers(0, 3))):
        stride, padding = draw(st.integers(1, 2)), draw(st.integers(0, 2))
        kernel = draw(st.integers(1, min(3, min(sides) + 2 * padding)))
        out = draw(st.integers(1, 4))
        modules += [nn.Conv2d(features, out, kernel, stride, padding, bias=draw(st.booleans())), draw(activation)()]
        sides = tuple((n + 2 * padding - kernel) // stride + 1 for n in sides)
        features = out
        size = draw(st.integers(1, 3))
        if size > 1 and min(sides) >= size:
            modules += [nn.MaxPool2d(size), nn.Dropout2d()]
            sides = tuple(n // size for n in sides)
        if min(sides) < 2:
            break
    if draw(st.booleans()) or not modules:
        modules += [nn.AdaptiveAvgPool2d(sides), nn.Flatten()]
        width = features * math.prod(sides)
        for _ in range(draw(st.integers(1, 2))):
            out = draw(st.integers(1, 6))
            block = nn.Sequential(nn.Dropout(), nn.Linear(width, out, bias=draw(st.booleans())), draw(activation)())
            modules, width = [*modules, block], out
    return nn.Sequential(*modules).double().eval(), (rows, columns, channels)


@settings(max_examples=25)
@given(example=networks(), unpool=st.sampled_from(["learned", "recorded"]), activation=st.sampled_from([None, "relu"]))
def test_blocks_compute_what_the_modules_compute_and_can_be_undone(example, unpool, activation):
    network, shape = example
    cut = cut_modules(network, shape, unpool=unpool, inverse_activation=activation)
    parameters = import_parameters(network, shape)
    x = torch.rand(1, 4, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        expected = network(x[0].permute(0, 3, 1, 2))
    for block, p in zip(cut, parameters, strict=True):
        assert {name: tuple(value.shape) for name, value in p.items()} == block.forward.parameter_shapes
        y = apply(block.forward, {name: value[None] for name, value in p.items()}, x)
        (inverse,) = draw_uniform([block.inverse], 0, block.name, [0], dtype=x.dtype)
        assert apply(block.inverse, inverse, y, record_of(block.forward, x)).shape == x.shape
        x = y
    expected = expected.permute(0, 2, 3, 1) if expected.ndim == 4 else expected
    torch.testing.assert_close(x[0], expected, rtol=1e-11, atol=1e-12)


def test_blocks_end_at_activations_pooling_and_flatten():
    network = [
        nn.Sequential(nn.Conv2d(1, 2, 3, padding="same"), nn.Tanh(), nn.Identity(), nn.Conv2d(2, 4, 2)),
        nn.MaxPool2d((2, 2)),
        nn.Dropout2d(),
        nn.AdaptiveAvgPool2d((None, 4)),
        nn.Flatten(),
        nn.Flatten(),
        nn.Linear(48, 5),
        nn.Dropout(),
        nn.ReLU(),
        nn.Linear(5, 3),
    ]
    cut = cut_modules(network, (7, 9))
    assert [b.name for b in cut] == ["convolution 1", "convolution 2", "pooling 1", "flatten 1", "dense 1", "dense 2"]
    assert [b.forward for b in cut] == [
        Convolution((7, 9), 2, "tanh", padding=1),
        Convolution((7, 9, 2), 4, "linear", kernel=2),
        MaxPool((6, 8, 4), 2, recorded=False),
        Reshape((3, 4, 4), (48,)),
        Dense((48,), (5,), "relu"),
        Dense((5,), (3,), "linear"),
    ]
    assert [b.inverse for b in cut] == [
        TransposedConvolution((7, 9, 2), (7, 9), "tanh"),
        TransposedConvolution((6, 8, 4), (7, 9, 2), "linear", kernel=2),
        TransposedConvolution((3, 4, 4), (6, 8, 4), "linear", kernel=2, stride=2),
        Reshape((48,), (3, 4, 4)),
        Dense((5,), (48,), "relu"),
        Dense((3,), (5,), "linear"),
    ]
    published = cut_modules(network, (7, 9), inverse_activation="relu", unpool="recorded", names="abcdef")
    assert [b.name for b in published] == list("abcdef")
    assert published[2].inverse == Unpool((3, 4, 4), (6, 8, 4))
    assert [getattr(b.inverse, "activation", None) for b in published] == ["relu", "relu", None, None, "relu", "relu"]


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Backwards(nn.Sequential):
    def forward(self, x):
        for module in reversed(self):
            x = module(x)
        return x


REFUSED = {
    "it is of another kind": [nn.BatchNorm2d(3), nn.Softmax(1), nn.ELU(), nn.Hardswish(), Doubled(3, 3), Backwards()],
    "it changes what it gets, a state of shape": [nn.AdaptiveAvgPool2d(2)],
    "its groups is not 1": [nn.Conv2d(3, 3, 3, groups=3)],
    "its dilation is not": [nn.Conv2d(3, 4, 3, dilation=2)],
    "its padding_mode is not zeros": [nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")],
    "its padding is not the same on both sides": [nn.Conv2d(3, 4, 2, padding="same")],
    "its kernel_size is not the same": [nn.Conv2d(3, 4, (1, 3))],
    "its stride is not the same": [nn.Conv2d(3, 4, 3, stride=(1, 2))],
    "its padding is not the same for rows": [nn.Conv2d(3, 4, 3, padding=(0, 1))],
    "images of 2 channels, but gets a state of shape": [nn.Conv2d(2, 4, 3)],
    "its kernel is larger": [nn.Conv2d(3, 4, 9)],
    "maxima of squares side by side": [
        nn.MaxPool2d(3, 2),
        nn.MaxPool2d((1, 2)),
        nn.MaxPool2d(2, padding=1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d(2, return_indices=True),
        nn.MaxPool2d(2, dilation=2),
    ],
    "of its size or more": [nn.MaxPool2d(9)],
    "all axes": [nn.Flatten(2)],
    "not flattened; put a Flatten before it": [nn.Linear(3, 3)],
    "takes 191 units, but gets 192": [nn.Sequential(nn.Flatten(), nn.Linear(191, 3))],
    "its approximate is not none": [nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU("tanh"))],
    "its beta is not 1": [nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(2))],
    "its threshold is not 20": [nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(threshold=30))],
    "its negative_slope is not 0.01": [nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2))],
    "does not follow": [
        nn.ReLU(),
        nn.GELU(),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Tanh()),
        nn.Sequential(nn.Flatten(), nn.ReLU()),
    ],
}


@pytest.mark.parametrize(("why", "module"), [(w, m) for w, modules in REFUSED.items() for m in modules], ids=str)
def test_what_cannot_be_cut_is_named(why, module):
    told = f"^module 1[^\n]* cannot be cut into a block: [^\n]*{why}[^\n]*; what can"
    with pytest.raises(InfoflowError, match=told):
        cut_modules([nn.Identity(), module], (8, 8, 3))


def test_an_unknown_way_to_unpool_is_refused():
    with pytest.raises(InfoflowError, match="unpool: 'switches' is unknown; choose learned or recorded"):
        cut_modules([], (8, 8, 3), unpool="switches")
