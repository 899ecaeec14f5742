"""Random numbers: every draw comes from a generator named by what it is for.

A generator is seeded by (run seed, purpose, indices...), never by the order in which things happen. So layer l of
replica r is the same whatever the depth of the network, the other replicas in the batch, or the device. Networks of
different (σ_w², σ_b²) have independent draws, unless common ones are asked for: those differ by the scale alone, so
that differences between neighbours are less noisy, but what is found at many points is then hardly more than at one.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from infoflow.engine.maps.map import Map, Parameters
from infoflow.engine.network import Network


def generator(seed: int, *labels: str | int) -> torch.Generator:
    """A CPU generator for (seed, *labels); CPU, so that the draws do not depend on the device."""
    digest = hashlib.sha256("/".join(map(str, (seed, *labels))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


INDEPENDENT, COMMON = "independent", "common"


@dataclass(frozen=True)
class Ensemble:
    """R random networks of one (σ_w², σ_b²): which ones, whatever their architecture.

    Attributes:
        seed: of the run.
        replicas: their indices; replica r does not depend on which others are computed with it.
        draws: `independent` of those at other (σ_w², σ_b²), or `common` to all.
    """

    sigma_w2: float
    sigma_b2: float
    seed: int
    replicas: Sequence[int]
    draws: str = INDEPENDENT

    def __len__(self) -> int:
        return len(self.replicas)

    def draw(self, maps: Sequence[Map], purpose: str = "frozen", **to) -> list[Parameters]:
        """Parameters W ~ N(0, σ_w²/fan_in), b ~ N(0, σ_b²) for every map, see `draw_gaussian`."""
        return list(self.draw_each(maps, purpose, **to))

    def draw_each(self, maps: Sequence[Map], purpose: str = "frozen", **to) -> Iterator[Parameters]:
        """Those of `draw`, one map's at a time."""
        return _draw(
            maps, torch.randn, self.sigma_w2, self.sigma_b2, self.seed, purpose, self.replicas, self.draws, **to
        )

    def scale(self, weights: Sequence[Parameters], **to) -> list[Parameters]:
        """Given parameters times σ_w and σ_b, equal for all replicas, see `scale_weights`."""
        return scale_weights(weights, self.sigma_w2, self.sigma_b2, self.replicas, **to)

    def draw_network(self, network: Network, **to) -> list[Parameters]:
        """Of the blocks, then of the readout head: what training starts from."""
        return self.draw([b.forward for b in network.blocks], **to) + self.draw(network.head, "head", **to)

    def draw_order(self, purpose: str, epoch: int, replicas: Sequence[int], samples: int) -> torch.Tensor:
        """See `draw_order`; of networks of different (σ_w², σ_b²) as independent as their weights."""
        return draw_order(self.seed, purpose, epoch, replicas, samples, _of(self.draws, self.sigma_w2, self.sigma_b2))


def draw_order(
    seed: int, purpose: str, epoch: int, replicas: Sequence[int], samples: int, of: Sequence[str] = ()
) -> torch.Tensor:
    """A permutation of the training samples for every replica: [replica, sample]; another one for other labels `of`."""
    streams = (generator(seed, purpose, epoch, r, *of) for r in replicas)
    return torch.stack([torch.randperm(samples, generator=stream) for stream in streams])


def draw_gaussian(
    maps: Sequence[Map],
    sigma_w2: float,
    sigma_b2: float,
    seed: int,
    purpose: str,
    replicas: Sequence[int],
    draws: str = INDEPENDENT,
    **to,
) -> list[Parameters]:
    """Frozen-network parameters W ~ N(0, σ_w²/fan_in), b ~ N(0, σ_b²) for every map, stacked over replicas.

    `draws`: see `Ensemble`; `to` holds dtype and device. Source: physics.md A1.
    """
    return list(_draw(maps, torch.randn, sigma_w2, sigma_b2, seed, purpose, replicas, draws, **to))


def draw_truncated(
    maps: Sequence[Map],
    sigma_w2: float,
    sigma_b2: float,
    seed: int,
    purpose: str,
    replicas: Sequence[int],
    draws: str = INDEPENDENT,
    **to,
) -> list[Parameters]:
    """Like `draw_gaussian`, of the normal distribution cut off at ±2σ, whose variance is 0.774 σ².

    Source: physics.md D2.
    """

    def draw(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        return torch.nn.init.trunc_normal_(torch.empty(shape), a=-2.0, b=2.0, generator=generator)

    return list(_draw(maps, draw, sigma_w2, sigma_b2, seed, purpose, replicas, draws, **to))


def scale_weights(
    weights: Sequence[Parameters], sigma_w2: float, sigma_b2: float, replicas: Sequence[int], **to
) -> list[Parameters]:
    """Given weights times σ_w, given biases times σ_b: what `draw_gaussian` does with its draws. Equal replicas.

    Args:
        weights: parameters of one network per map, without an axis of networks.
    """
    return [
        {
            name: (p.to(**to) * math.sqrt(sigma_b2 if name.endswith("bias") else sigma_w2)).expand(
                len(replicas), *p.shape
            )
            for name, p in one.items()
        }
        for one in weights
    ]


def draw_uniform(maps: Sequence[Map], seed: int, purpose: str, replicas: Sequence[int], **to) -> list[Parameters]:
    """Reconstruction-network parameters, PyTorch's default U(±1/√fan_in), for every map, stacked over replicas."""
    return [
        _stack(
            [
                {
                    name: (2 * torch.rand(shape, generator=stream) - 1) / math.sqrt(inverse.fan_in(name))
                    for name, shape in inverse.parameter_shapes.items()
                }
                for stream in (generator(seed, purpose, index, r) for r in replicas)
            ],
            **to,
        )
        for index, inverse in enumerate(maps, start=1)
    ]


def _of(draws: str, sigma_w2: float, sigma_b2: float) -> tuple[str, ...]:
    """What tells the streams of one (σ_w², σ_b²) from those of others."""
    return () if draws == COMMON else (f"w{float(sigma_w2)!r}", f"b{float(sigma_b2)!r}")


def _draw(maps, draw, sigma_w2, sigma_b2, seed, purpose, replicas, draws, **to) -> Iterator[Parameters]:
    of = _of(draws, sigma_w2, sigma_b2)
    for index, forward in enumerate(maps, start=1):
        networks = [
            {
                name: draw(shape, generator=stream)
                * math.sqrt(sigma_b2 if name.endswith("bias") else sigma_w2 / forward.fan_in(name))
                for name, shape in forward.parameter_shapes.items()
            }
            for stream in (generator(seed, purpose, index, r, *of) for r in replicas)
        ]
        yield _stack(networks, **to)


def _stack(replicas: list[Parameters], **to) -> Parameters:
    return {name: torch.stack([p[name] for p in replicas]).to(**to) for name in replicas[0]}
