import math
from dataclasses import replace

import pytest
import torch

from common import ARCHITECTURES
from infoflow.architectures.build import build_network
from infoflow.engine.initialization import COMMON, Ensemble, draw_gaussian, draw_uniform, generator
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


def test_common_draws_scale_with_sigma_and_do_not_depend_on_the_other_replicas():
    layer = Dense((5,), (4,), "tanh")
    (a,) = Ensemble(1.0, 0.1, 0, [0, 1, 2], COMMON).draw([layer], "x")
    (b,) = Ensemble(4.0, 0.1, 0, [2], COMMON).draw([layer], "x")
    torch.testing.assert_close(b["weight"][0], 2 * a["weight"][2])
    torch.testing.assert_close(b["bias"][0], a["bias"][2])
    orders = [Ensemble(w, 0.1, 0, [2], COMMON).draw_order("x", 1, [2], 30).tolist() for w in (1.0, 4.0)]
    assert orders[0] == orders[1]


def test_draws_of_different_variances_are_independent():
    """Over 2,000 weights a correlation has a standard deviation of 0.022; common draws have 1."""
    layer = Dense((50,), (40,), "tanh")
    points = [(1.0, 0.1), (1.01, 0.1), (1.0, 0.11)]
    draws = [Ensemble(w, b, 0, [0]).draw([layer], "x")[0]["weight"].flatten() for w, b in points]
    correlations = torch.corrcoef(torch.stack(draws))
    assert correlations.triu(1).abs().max() < 0.1
    orders = [Ensemble(w, b, 0, [0]).draw_order("x", 1, [0], 100)[0].tolist() for w, b in points]
    assert orders[0] != orders[1] != orders[2]
    (again,) = Ensemble(1.0, 0.1, 0, [1, 0]).draw([layer], "x")
    torch.testing.assert_close(again["weight"][1].flatten(), draws[0], rtol=0, atol=0)


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
