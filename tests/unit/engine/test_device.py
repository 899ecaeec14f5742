"""The GPU computes what the CPU computes."""

import numpy as np
import pytest
import torch

from common import ARCHITECTURES, PROBES
from infoflow.architectures.build import build_network
from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble
from infoflow.engine.training import train
from infoflow.reconstruction.cascade import reconstruct

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
ENSEMBLE = Ensemble(1.5, 0.1, seed=0, replicas=range(3))
EXAMPLES = pytest.mark.parametrize("kind", ["mlp pixels", "cnn", "resnet"])


@pytest.fixture(scope="module")
def images():
    return torch.rand(40, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@EXAMPLES
@pytest.mark.parametrize("options", PROBES.values(), ids=PROBES)
def test_probes_agree(images, kind, options):
    blocks = build_network(ARCHITECTURES[kind], (8, 8), 10, 6).blocks
    cpu, gpu = (
        reconstruct(blocks, ENSEMBLE, images.to(device), images[:5].to(device), options) for device in ("cpu", "cuda")
    )
    torch.testing.assert_close(gpu.reconstructions.cpu(), cpu.reconstructions, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(gpu.losses.cpu(), cpu.losses, rtol=1e-7, atol=1e-10)


@EXAMPLES
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_trainings_agree(images, kind, momentum):
    network = build_network(ARCHITECTURES[kind], (8, 8), 3, 4)
    labels = (images[:, 0, 0] > 0.5).long() + (images[:, 1, 1] > 0.8).long()
    settings = {"epochs": 4, "batch_size": 16, "learning_rate": 0.1, "momentum": momentum, "readout": "logits"}
    order = torch.arange(len(images))
    cpu, gpu = (
        train(
            network,
            ENSEMBLE,
            PreparedImages(*(t.to(device) for t in (images, images, labels, labels, order))),
            settings | {"success_accuracy": 1.0},
        )
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(gpu.loss, cpu.loss, rtol=1e-7)
    np.testing.assert_allclose(gpu.accuracy, cpu.accuracy)
