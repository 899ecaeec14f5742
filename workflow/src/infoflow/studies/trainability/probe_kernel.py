"""The job of one point by the kernel cascade, from the prepared data set to the curves over the layers."""

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from infoflow.architectures.build import build_network, load_weights
from infoflow.datasets.samples import Samples, read_samples
from infoflow.engine.device import DTYPES, choose_device
from infoflow.engine.initialization import Ensemble
from infoflow.engine.maps.map import Map, Parameters
from infoflow.engine.network import Block, Network, follow
from infoflow.files.originals import find_data_root
from infoflow.files.results import Variable, describe
from infoflow.jobs.job import Job
from infoflow.reconstruction.kernel import Reconstruction, kernel_cascade
from infoflow.studies.bench import Bench
from infoflow.studies.trainability.about import EVALUATED
from infoflow.studies.trainability.curves import Curves, describe_curves, measure_curves
from infoflow.studies.trainability.pictures import take_first_image, take_pictures

if TYPE_CHECKING:
    from infoflow.architectures.modular import Modular


def probe_kernel(job: Job) -> None:
    """Probe the network of one point, and write its curves; nothing that is large is kept.

    Parameters of the job: `architecture`, `probe` (method and options, `settings.probe_options`), `options` (of
    `evaluate`), `run`, `data`.
    """
    architecture, probe, run = job["architecture"], job["probe"], job["run"]
    device = choose_device(job.threads)
    number = probe["kernel_samples"], probe["evaluation_samples"]
    samples = read_samples(job.inputs["dataset"], job["data"], *number, run["seed"])
    bench = Bench(job, device, samples)
    network = build_network(architecture, samples.shape, samples.classes, bench.depth)
    options, to = {**probe, **job["options"]}, {"dtype": DTYPES[run["precision"]], "device": device}
    if isinstance(network, Network):
        root = find_data_root(job.config["data_root"])
        weights = load_weights(architecture, root, samples.shape, bench.depth)
        variables, seconds = bench.timed(measure_network, network.blocks, bench.ensemble, samples, options, to, weights)
        widths, names = [b.forward.fan_out for b in network.blocks], [b.name for b in network.blocks]
    else:
        (variables, widths, names), seconds = bench.timed(
            measure_modules, network, bench.ensemble, samples, options, to
        )
    bench.write(
        variables,
        probe_seconds=seconds,
        probe_method=probe["method"],
        image_shape=np.array(samples.shape, np.int32),
        layer_widths=np.array(widths, np.int32),
        layer_names=names,
        weights=architecture.get("weights") or "random",
    )


def measure_network(
    blocks: Sequence[Block],
    ensemble: Ensemble,
    samples: Samples,
    options: Mapping[str, Any],
    to: Mapping[str, Any],
    weights: Sequence[Parameters] | None = None,
) -> dict[str, Variable]:
    """Curves over the layers of the networks of an ensemble, as variables of a result.

    Args:
        blocks: the L layers; their inverses are not used.
        options: kernel_penalty, kernel_noise; offset, saturation_rtol, pictures.
        to: dtype of the states, and the device of all.
        weights: parameters of the layers, to be scaled by σ_w and σ_b; by default they are drawn at random.
    """
    forward = [b.forward for b in blocks]
    # layer by layer, like the states: all parameters of a deep network together are what would take memory
    frozen = ensemble.draw_each(forward, **to) if weights is None else ensemble.scale(weights, **to)
    images, fit = _images(samples, to), len(samples.fit)
    moments: list[torch.Tensor] = []
    found = reconstruct(forward, frozen, images, fit, len(ensemble), options, moments)
    curves, variables = _measure(found, (len(ensemble), len(blocks)), samples, options)
    variance = curves.where(torch.stack(moments, dim=1).cpu().numpy())
    per_layer = {"pre_activation_variance": (("replica", "layer"), variance.astype(np.float32))}
    return {**variables, **describe(per_layer, EVALUATED)}


def measure_modules(
    network: "Modular", ensemble: Ensemble, samples: Samples, options: Mapping[str, Any], to: Mapping[str, Any]
) -> tuple[dict[str, Variable], Sequence[int], Sequence[str]]:
    """`measure_network` for networks that are modules of PyTorch, whose layers are their hidden blocks.

    Returns:
        Variables, without the variance of pre-activations, which are not known; widths and names of the blocks.
    """
    modules = importlib.import_module("infoflow.modules.probe")
    images, fit = _images(samples, to), len(samples.fit)
    probed = modules.probe(network, ensemble, images, fit, options)
    found = modules.reconstruct(probed, images, fit)
    _, variables = _measure(found, (len(ensemble), len(probed.names)), samples, options)
    return variables, probed.widths, probed.names


def _images(samples: Samples, to: Mapping[str, Any]) -> torch.Tensor:
    """Those to fit to, then those of the evaluation set."""
    return torch.from_numpy(np.concatenate([samples.fit, samples.evaluation])).to(**to)


def _measure(
    reconstructions: Iterable[Reconstruction], shape: tuple[int, int], samples: Samples, options: Mapping[str, Any]
) -> tuple[Curves, dict[str, Variable]]:
    """Curves over the layers, and variables of a result, from the reconstructions of (replicas, layers) `shape`."""
    pixels = samples.evaluation.reshape(len(samples.evaluation), -1)
    shown = np.empty((*shape, *pixels[: options["pictures"]].shape), np.float32)
    constant = np.empty(shape, np.int8)

    def layers() -> Iterator[np.ndarray]:
        for l, found in enumerate(reconstructions):
            layer = found.images.cpu().numpy()
            shown[:, l] = layer[:, : options["pictures"]]
            constant[:, l] = found.constant.cpu().numpy()
            yield layer

    curves = measure_curves(layers(), pixels, options["offset"])
    return curves, {
        **describe_curves(curves, options["saturation_rtol"]),
        **describe({"constant_states": (("replica", "layer"), constant)}, EVALUATED),
        **take_first_image(pixels),
        **(take_pictures(shown, pixels, options["pictures"]) if options["pictures"] else {}),
    }


def reconstruct(
    layers: Sequence[Map],
    frozen: Iterable[Parameters],
    images: torch.Tensor,
    fit: int,
    replicas: int,
    options: Mapping[str, Any],
    moments: list[torch.Tensor] | None = None,
) -> Iterator[Reconstruction]:
    """The reconstructions from every layer of frozen networks, one after the other.

    Args:
        layers: with their parameters `frozen`, stacked over the replicas; those of a layer are asked for when it is its
            turn.
        images: those to fit to, then those of the evaluation set, [n + S, *input_shape].
        fit: n.
        options: kernel_penalty, kernel_noise.
        moments: gets mean squared pre-activations of the first evaluation image, [R] of every layer.
    """

    def states() -> Iterator[torch.Tensor]:
        yield images[None]
        for z, x in follow(layers, frozen, images, replicas):
            if moments is not None:
                moments.append(z[:, fit].square().flatten(1).mean(1))
            yield x

    return kernel_cascade(states(), fit, options["kernel_penalty"], options["kernel_noise"] == "relative")
