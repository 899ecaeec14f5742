import numpy as np
import pytest
import torch

from infoflow.engine.activations.activation import Activation, find_activation
from infoflow.engine.activations.kinds import ACTIVATIONS


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tanh_is_accurate_everywhere(dtype):
    """Against 80-bit arithmetic, within two units in the last place; odd, bounded, exact at its ends."""
    stream = torch.Generator().manual_seed(0)
    z = torch.cat([torch.logspace(-30, 1.5, 100_000, dtype=torch.float64), 3 * torch.rand(100_000, generator=stream)])
    z = z.to(dtype)
    tanh = find_activation("tanh").function
    found = tanh(z).numpy()
    exact = np.tanh(z.numpy().astype(np.longdouble))
    assert (np.abs(found - exact) / np.spacing(exact.astype(found.dtype))).max() < 2
    assert np.array_equal(tanh(-z).numpy(), -found)
    ends = torch.tensor([0.0, torch.inf, -torch.inf, torch.nan], dtype=dtype)
    assert tanh(ends).tolist()[:3] == [0, 1, -1]
    assert tanh(ends)[3].isnan()


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("reach", [4, 50])
def test_derivatives_equal_autograd(name, reach):
    z = torch.linspace(-reach, reach, 101, dtype=torch.float64, requires_grad=True)
    activation = find_activation(name)
    output = activation.function(z)
    gradient = torch.linspace(1, 2, 101, dtype=torch.float64)
    (expected,) = torch.autograd.grad(output, z, gradient)
    found = activation.pull_back(gradient, z.detach(), output.detach())
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)


def test_activations_are_found_by_name():
    """Those of torch have the values of its functions."""
    z = torch.linspace(-3, 3, 7, dtype=torch.float64)
    named = {
        "erf": torch.erf(z),
        "gelu": z * (1 + torch.erf(z / 2**0.5)) / 2,
        "leaky_relu": torch.where(z > 0, z, z / 100),
        "linear": z,
        "relu": torch.nn.functional.relu(z),
        "sigmoid": 1 / (1 + torch.exp(-z)),
        "silu": z / (1 + torch.exp(-z)),
        "sine": torch.sin(z),
        "softplus": torch.log1p(torch.exp(z)),
        "tanh": torch.tanh(z),
        "tanhshrink": torch.nn.functional.tanhshrink(z),
    }
    assert set(named) == set(ACTIVATIONS)
    for name in ACTIVATIONS:
        assert isinstance(find_activation(name), Activation)
    for name, expected in named.items():
        torch.testing.assert_close(find_activation(name).function(z), expected, rtol=1e-14, atol=1e-15)
    with pytest.raises(ModuleNotFoundError, match="softsign"):
        find_activation("softsign")
