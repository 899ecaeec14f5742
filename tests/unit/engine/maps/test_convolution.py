import pytest
import torch

from infoflow.engine.initialization import draw_gaussian, draw_uniform
from infoflow.engine.maps.convolution import Convolution, Subpixel
from infoflow.engine.maps.map import apply

SEED = 3


def test_a_layer_with_a_border_is_a_convolution_on_a_torus():
    """Shifting a state on the torus shifts what the layer makes of it."""
    layer = Convolution((7, 7, 3), 4, "tanh", wrap=1)
    (parameters,) = draw_gaussian([layer], 1.5, 0.1, 0, "torus", range(2), dtype=torch.float64)
    torus = torch.rand(2, 3, 5, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def through(state):
        bordered = torch.nn.functional.pad(state.flatten(0, 1).permute(0, 3, 1, 2), (1, 1, 1, 1), "circular")
        y = apply(layer, parameters, bordered.permute(0, 2, 3, 1).unflatten(0, (2, 3)))
        torch.testing.assert_close(y[:, :, 0], y[:, :, 5])
        torch.testing.assert_close(y[:, :, :, 6], y[:, :, :, 1])
        return y[:, :, 1:-1, 1:-1]

    torch.testing.assert_close(through(torus.roll((1, 2), (2, 3))), through(torus).roll((1, 2), (2, 3)))


@pytest.mark.parametrize("networks", [1, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_squares_of_pixels_are_put_where_they_belong(stride, networks):
    """Against torch's convolution and PixelShuffle."""
    rows, columns = 4, 5
    layer = Subpixel((rows, columns, 3), (stride * rows, stride * columns, 2), 3, stride)
    (parameters,) = draw_uniform([layer], SEED, "inverse", range(networks), dtype=torch.float64)
    x = torch.rand(networks, 6, rows, columns, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    for n in range(networks):
        weight, bias = parameters["weight"][n], parameters["bias"][n]
        z = torch.nn.functional.conv2d(x[n].permute(0, 3, 1, 2), weight, bias, padding=1)
        # PixelShuffle has the channel before the places in its square
        z = z.unflatten(1, (stride * stride, 2)).transpose(1, 2).flatten(1, 2)
        expected = torch.nn.functional.pixel_shuffle(z, stride).permute(0, 2, 3, 1)
        torch.testing.assert_close(apply(layer, parameters, x)[n], expected)


def test_a_kernel_has_a_middle():
    with pytest.raises(ValueError, match="even"):
        Subpixel((4, 4, 2), (4, 4, 1), 2, 1)
