"""How far the truth depends on the processor: networks of digits near the boundary, trained with other arithmetic.

    python tests/benchmarks/arithmetic.py

Every row trains the same networks in a process of its own, whose libraries are told by their environment to take the
instructions of another processor, another order of sums or another number of threads; below, for comparison, networks
with other seeds. Seven times half a minute to two minutes; prints a table.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from machine import describe, table

POINTS = ((0.6, 10), (0.8, 15), (1.0, 20), (1.2, 30), (1.4, 40), (1.76, 40), (2.0, 40), (2.5, 30), (2.5, 40), (3.0, 30))
"""(σ_w², depth) on both sides of the boundary, σ_b² = 0.05."""
REPLICAS = 3
SETTINGS = {
    "epochs": 40,
    "batch_size": 64,
    "optimizer": "sgd",
    "learning_rate": [0.05],
    "momentum": 0.0,
    "weight_decay": 0.01,
    "readout": "logits",
    "success_accuracy": 0.9,
    "stop": "success",
}
"""Those of the demonstration."""
ARITHMETIC = {
    "as it is": {},
    "the same again": {},
    "two threads": {"OMP_NUM_THREADS": "2"},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "SSE2": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"},
}
"""Environments; `SSE2` is what any processor of 64 bits can do."""
SEEDS = (1, 2)


def train_all(seed: int) -> list[list[list[float]]]:
    """Test accuracy after each epoch, [point][replica][epoch], NaN after a success."""
    from infoflow.architectures.build import build_network
    from infoflow.datasets.images import load_images
    from infoflow.datasets.prepared import read_prepared, write_prepared
    from infoflow.engine.initialization import Ensemble
    from infoflow.engine.training import train_at_rates

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.nc"
        write_prepared(path, load_images({"kind": "digits"}, Path(folder), 0), 0, {})
        images = read_prepared(path, torch.device("cpu"), torch.float32)
    found = []
    for w, depth in POINTS:
        options = {"kind": "mlp", "layout": "wide", "width": None, "activation": "tanh", "head": []}
        network = build_network(options, images.shape, images.classes, depth, SETTINGS["readout"])
        ensemble = Ensemble(w, 0.05, seed, range(REPLICAS))
        found.append(train_at_rates(network, ensemble, images, SETTINGS).accuracy[:, 0].tolist())
    return found


def in_a_process(environment: dict[str, str], seed: int) -> np.ndarray:
    """Test accuracies [point, replica, epoch] of `train_all` with other arithmetic."""
    inherited = {"OMP_NUM_THREADS": "1", **{k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}}
    command = [sys.executable, __file__, str(seed)]
    answer = subprocess.run(command, env={**inherited, **environment}, check=True, stdout=subprocess.PIPE, text=True)
    return np.array(json.loads(answer.stdout), float)


def row(name: str, found: np.ndarray, reference: np.ndarray, seed: int) -> list[str]:
    """What differs from the reference."""
    threshold = np.float32(SETTINGS["success_accuracy"])
    verdicts, expected = ((f.astype(np.float32) >= threshold).any(-1) for f in (found, reference))
    alike = (np.nan_to_num(found, nan=-1) == np.nan_to_num(reference, nan=-1)).all(-1)
    shares = (verdicts.mean(1) >= 0.5) != (expected.mean(1) >= 0.5)
    best = np.abs(np.nanmax(found, -1) - np.nanmax(reference, -1))
    networks = verdicts.size
    return [
        f"{name}, seed {seed}" if seed else name,
        f"{alike.sum()} of {networks}",
        f"{best.max():.2f}",
        f"{verdicts.sum()}",
        f"{(verdicts != expected).sum()} of {networks}",
        f"{shares.sum()} of {len(found)}",
    ]


def main() -> None:
    """Print the table."""
    reference, rows = None, []
    for name, environment, seed in [(n, e, 0) for n, e in ARITHMETIC.items()] + [("as it is", {}, s) for s in SEEDS]:
        found = in_a_process(environment, seed)
        reference = found if reference is None else reference
        rows.append(row(name, found, reference, seed))
        print(rows[-1], file=sys.stderr, flush=True)
    head = [
        "arithmetic",
        "accuracies equal",
        "best accuracy differs by",
        "train",
        "verdict differs",
        "majority differs",
    ]
    print(f"{describe(torch.device('cpu'))}\n\n{table(head, rows)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(train_all(int(sys.argv[1]))))
    else:
        main()
