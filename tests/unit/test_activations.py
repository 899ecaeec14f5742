import numpy as np
import pytest
import torch

from infoflow.activations import ACTIVATIONS


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tanh_is_accurate_everywhere(dtype):
    """Against 80-bit arithmetic, within two units in the last place; odd, bounded, exact at its ends."""
    stream = torch.Generator().manual_seed(0)
    z = torch.cat([torch.logspace(-30, 1.5, 100_000, dtype=torch.float64), 3 * torch.rand(100_000, generator=stream)])
    z = z.to(dtype)
    found = ACTIVATIONS["tanh"].function(z).numpy()
    exact = np.tanh(z.numpy().astype(np.longdouble))
    assert (np.abs(found - exact) / np.spacing(exact.astype(found.dtype))).max() < 2
    assert np.array_equal(ACTIVATIONS["tanh"].function(-z).numpy(), -found)
    ends = torch.tensor([0.0, torch.inf, -torch.inf, torch.nan], dtype=dtype)
    assert ACTIVATIONS["tanh"].function(ends).tolist()[:3] == [0, 1, -1]
    assert ACTIVATIONS["tanh"].function(ends)[3].isnan()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivatives_equal_autograd(name):
    z = torch.linspace(-4, 4, 101, dtype=torch.float64, requires_grad=True)
    activation = ACTIVATIONS[name]
    output = activation.function(z)
    gradient = torch.linspace(1, 2, 101, dtype=torch.float64)
    (expected,) = torch.autograd.grad(output, z, gradient)
    found = activation.pull_back(gradient, z.detach(), output.detach())
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)
