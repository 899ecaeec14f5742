import pytest
import torch

from common import ARCHITECTURES, PROBES
from infoflow.architectures.build import build_network
from infoflow.engine.initialization import draw_gaussian
from infoflow.engine.network import Block
from infoflow.reconstruction.fit import fit_inverses

SEED, REPLICAS = 3, 3
EVERY = pytest.mark.parametrize("option", ARCHITECTURES.values(), ids=ARCHITECTURES)


def blocks(option, depth=5) -> tuple[Block, ...]:
    return build_network(option, (8, 8), 10, depth).blocks


@pytest.mark.parametrize("at_once", [1, 2, 4, 7, 100])
@EVERY
@pytest.mark.parametrize("method", PROBES)
def test_how_many_networks_are_taken_at_once_changes_nothing(method, option, at_once, images):
    settings = {"seed": SEED, "replicas": range(REPLICAS)}
    parameters = draw_gaussian(
        [b.forward for b in blocks(option)], 1.5, 0.1, SEED, "frozen", range(REPLICAS), dtype=images.dtype
    )
    one, other = (
        fit_inverses(blocks(option), parameters, images, PROBES[method], at_once=n, **settings) for n in (None, at_once)
    )
    torch.testing.assert_close(other.losses, one.losses, rtol=1e-10, atol=1e-12)
    for p, q in zip(one.parameters, other.parameters, strict=True):
        for name in p:
            torch.testing.assert_close(q[name], p[name], rtol=1e-9, atol=1e-11)


@EVERY
@pytest.mark.parametrize("options", PROBES.values(), ids=PROBES)
def test_no_gradient_reaches_the_frozen_network_and_inputs_stay(images, option, options):
    parameters = draw_gaussian([b.forward for b in blocks(option)], 1.5, 0.1, SEED, "frozen", [0], dtype=images.dtype)
    before = [{k: v.clone() for k, v in p.items()} for p in parameters]
    for p in parameters:
        for tensor in p.values():
            tensor.requires_grad_()
    found = fit_inverses(blocks(option), parameters, images, options, seed=SEED, replicas=[0])
    assert all(tensor.grad is None for p in parameters for tensor in p.values())
    for now, then in zip(parameters, before):
        assert all(torch.equal(now[k], then[k]) for k in then)
    assert not any(tensor.requires_grad for p in found.parameters for tensor in p.values())
