import math
from dataclasses import replace

import pytest
import torch

from common import ARCHITECTURES
from infoflow.architectures.build import build_network
from infoflow.engine.initialization import Ensemble, draw_gaussian, draw_uniform, generator
from infoflow.engine.maps.dense import Dense


def test_gaussian_parameters_have_their_variances():
    (p,) = draw_gaussian([Dense((400,), (500,), "tanh")], 1.7, 0.3, 0, "test", range(2))
    assert p["weight"].shape == (2, 400, 500)
    # 400,000 draws: relative standard error of the variance √(2/n) = 0.22 %; of 1,000 biases, 4.5 %
    assert p["weight"].var().item() == pytest.approx(1.7 / 400, rel=0.01)
    assert p["bias"].var().item() == pytest.approx(0.3, rel=0.2)
    assert p["weight"].mean().item() == pytest.approx(0, abs=5e-4)


def test_uniform_parameters_are_the_defaults_of_torch():
    inverse = Dense((300,), (200,), "tanh")
    (p,) = draw_uniform([inverse], 0, "test", range(1))
    reference = torch.nn.Linear(300, 200)
    for ours, theirs in ((p["weight"], reference.weight), (p["bias"], reference.bias)):
        assert ours.abs().max().item() == pytest.approx(theirs.detach().abs().max().item(), rel=0.05)
        assert ours.std().item() == pytest.approx(theirs.detach().std().item(), rel=0.15)


def test_generators_differ_by_every_label_and_agree_with_themselves():
    draws = {
        labels: torch.rand(1, generator=generator(*labels)).item()
        for labels in [(0, "a", 1, 2), (0, "a", 2, 1), (0, "a", 12), (1, "a", 1, 2), (0, "b", 1, 2)]
    }
    assert len(set(draws.values())) == len(draws)
    assert draws[0, "a", 1, 2] == torch.rand(1, generator=generator(0, "a", 1, 2)).item()


def test_draws_scale_with_sigma_and_do_not_depend_on_the_other_replicas():
    layer = Dense((5,), (4,), "tanh")
    (a,) = draw_gaussian([layer], 1.0, 0.1, 0, "x", [0, 1, 2])
    (b,) = draw_gaussian([layer], 4.0, 0.1, 0, "x", [2])
    torch.testing.assert_close(b["weight"][0], 2 * a["weight"][2])
    torch.testing.assert_close(b["bias"][0], a["bias"][2])


ENSEMBLE = Ensemble(1.7, 0.3, seed=2, replicas=[4, 1])


@pytest.mark.parametrize("option", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_a_network_is_drawn_like_its_blocks_and_its_head(option):
    """Separately, each for its own purpose; and replica by replica."""
    network = build_network(option, (8, 8), 10, 3)
    to = {"dtype": torch.float64}
    found = ENSEMBLE.draw_network(network, **to)
    sigmas = ENSEMBLE.sigma_w2, ENSEMBLE.sigma_b2
    separate = [
        *draw_gaussian([b.forward for b in network.blocks], *sigmas, 2, "frozen", [4, 1], **to),
        *draw_gaussian(network.head, *sigmas, 2, "head", [4, 1], **to),
    ]
    assert len(found) == len(network.layers)
    torch.testing.assert_close(found, separate, rtol=0, atol=0)
    alone = replace(ENSEMBLE, replicas=[1]).draw_network(network, **to)
    torch.testing.assert_close([{n: p[1:] for n, p in layer.items()} for layer in found], alone, rtol=0, atol=0)


def test_given_weights_are_scaled_alike_for_all_networks_of_an_ensemble():
    weights = [{"weight": torch.arange(6.0).view(3, 2), "bias": torch.ones(1, 2)}, {}]
    found = ENSEMBLE.scale(weights, dtype=torch.float64)
    assert len(ENSEMBLE) == 2
    assert found[1] == {}
    for replica in range(2):
        torch.testing.assert_close(found[0]["weight"][replica], weights[0]["weight"].double() * math.sqrt(1.7))
        torch.testing.assert_close(found[0]["bias"][replica], weights[0]["bias"].double() * math.sqrt(0.3))
