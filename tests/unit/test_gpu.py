"""The GPU computes what the CPU computes."""

import numpy as np
import pytest
import torch

from common import ARCHITECTURES
from infoflow.architectures import build_network
from infoflow.cascade import probe_cascade
from infoflow.training import train_network

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
METHODS = [
    {"method": "adam", "epochs": 2, "batch_size": 16, "learning_rate": 1e-2},
    {"method": "ridge", "ridge_penalty": 1e-4, "ridge_samples": 30},
]


EXAMPLES = pytest.mark.parametrize("kind", ["mlp pixels", "cnn", "resnet"])


@pytest.fixture(scope="module")
def images():
    return torch.rand(40, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@EXAMPLES
@pytest.mark.parametrize("options", METHODS, ids=lambda o: o["method"])
def test_probes_agree(images, kind, options):
    blocks = build_network(ARCHITECTURES[kind], (8, 8), 10, 6).blocks
    cpu, gpu = (
        probe_cascade(blocks, 1.5, 0.1, images.to(d), images[:5].to(d), options, seed=0, replicas=range(3))
        for d in ("cpu", "cuda")
    )
    torch.testing.assert_close(gpu.reconstructions.cpu(), cpu.reconstructions, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(gpu.losses.cpu(), cpu.losses, rtol=1e-7, atol=1e-10)


@EXAMPLES
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_trainings_agree(images, kind, momentum):
    network = build_network(ARCHITECTURES[kind], (8, 8), 3, 4)
    labels = (images[:, 0, 0] > 0.5).long() + (images[:, 1, 1] > 0.8).long()
    settings = {"epochs": 4, "batch_size": 16, "learning_rate": 0.1, "momentum": momentum, "readout": "logits"}
    cpu, gpu = (
        train_network(
            network, 1.5, 0.1, *(t.to(d) for t in (images, labels, images, labels)),
            **settings, success_accuracy=1.0, seed=0, replicas=range(3),
        )
        for d in ("cpu", "cuda")
    )  # fmt: skip
    np.testing.assert_allclose(gpu.loss, cpu.loss, rtol=1e-7)
    np.testing.assert_allclose(gpu.accuracy, cpu.accuracy)
