"""The kernel cascade against the other ways of probing the same networks: tanh, MNIST, width 784, one replica.

Against one epoch of Adam on all 60,000 images, by this engine and the plain way (`tests/plain.py`: torch.nn.Linear and
torch.optim.Adam, a loop over layers), and against ridge regression with 4,000 samples. On the GPU if there is one, else
on one thread. What would take minutes is measured on a few layers, or steps, of the same networks, and multiplied; the
table says where. Seconds are those of the processor. All take turns; a ratio is that of one turn.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from machine import describe, seconds, spread, table

sys.path.insert(0, str(Path(__file__).parents[1]))
import plain
from infoflow.architectures.build import build_network
from infoflow.datasets.images import Images, load_images
from infoflow.datasets.prepared import write_prepared
from infoflow.engine.initialization import Ensemble, draw_order
from infoflow.engine.network import Block, follow
from infoflow.files.names import encode
from infoflow.files.originals import find_data_root
from infoflow.files.results import read_result
from infoflow.jobs.record import describe_job
from infoflow.reconstruction.cascade import compose_cascades
from infoflow.reconstruction.fit import fit_inverses
from infoflow.reconstruction.kernel import Reconstruction, kernel_cascade
from infoflow.studies.trainability.curves import describe_curves, measure_curves

SIGMA_W2, SIGMA_B2, SEED = 1.4, 0.05, 0
FIT, EVALUATION, PENALTY = 300, 100, 1e-4
OFFSET, RTOL = 1e-12, 0.005
DEPTHS = 50, 200
LAYERS, STEPS, BATCH = 3, 200, 64
"""What of Adam is measured; its batches."""
MINUTE = 60
ADAM = {"method": "adam", "epochs": 1, "batch_size": BATCH, "learning_rate": 1e-3}
RIDGE = {"method": "ridge", "ridge_penalty": PENALTY, "ridge_samples": 4000}
MLP = {"kind": "mlp", "layout": "wide", "activation": "tanh"}
TARGETS = {"kernel": "", "adam": "", "plain": "100", "ridge": "10"}
MEMORY = """
import re
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""
JOB = f"""
import json, sys
sys.path.insert(0, sys.argv[1])
from infoflow.studies.trainability.probe_kernel import probe_kernel
from jobs import make_job
parameters, data, result, point = json.loads(sys.argv[2]), *sys.argv[3:]
probe_kernel(make_job(parameters, result, {{"dataset": data}}, {{"point": point}}))
{MEMORY}
"""
ENSEMBLE = Ensemble(SIGMA_W2, SIGMA_B2, SEED, [0])


@dataclass(frozen=True)
class Bench:
    """What is probed, and where.

    Attributes:
        train, test: images [M, row, column].
    """

    train: torch.Tensor
    test: torch.Tensor

    @property
    def device(self) -> torch.device:
        return self.train.device

    @property
    def to(self) -> dict:
        return {"dtype": torch.float32, "device": self.device}

    def blocks(self, depth: int) -> tuple[Block, ...]:
        return build_network(MLP, (28, 28), 10, depth).blocks

    def follow(self, depth: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Draw the weights and take the samples through the network, layer by layer."""
        forward = [b.forward for b in self.blocks(depth)]
        samples = torch.cat([self.train[:FIT], self.test[:EVALUATION]])
        return follow(forward, ENSEMBLE.draw_each(forward, **self.to), samples, 1)

    def kernel(self, depth: int) -> Iterator[Reconstruction]:
        """The reconstructions from every layer."""

        def states() -> Iterator[torch.Tensor]:
            yield torch.cat([self.train[:FIT], self.test[:EVALUATION]])[None]
            for _, x in self.follow(depth):
                yield x

        return kernel_cascade(states(), FIT, PENALTY)

    def evaluate(self, layers: Sequence[np.ndarray]) -> None:
        """D, H and R² of reconstructions [1, S, P], and the saturation."""
        images = self.test[:EVALUATION].flatten(1).cpu().numpy()
        describe_curves(measure_curves(iter(layers), images, OFFSET), RTOL)

    def adam(self, depth: int) -> None:
        """One epoch of Adam on all images, all reconstruction networks."""
        blocks = self.blocks(depth)
        frozen = ENSEMBLE.draw([b.forward for b in blocks], **self.to)
        fit_inverses(blocks, frozen, self.train, ADAM, seed=SEED, replicas=[0])

    def plain(self, depth: int, steps: int) -> None:
        """So many steps of Adam, the plain way; the images are on the device already."""
        forward, inverse = zip(*((b.forward, b.inverse) for b in self.blocks(depth)))
        layers = plain.frozen_layers(forward, SIGMA_W2, SIGMA_B2, SEED, 0, **self.to)
        (order,) = draw_order(SEED, "probe order", 0, [0], len(self.train)).to(self.device)
        batches = (self.train[batch] for batch in order.split(BATCH)[:steps])
        plain.train_inverses(layers, plain.inverse_layers(inverse, SEED, 0, **self.to), batches, 1e-3)

    def ridge(self, depth: int, samples: int = RIDGE["ridge_samples"]) -> tuple[float, float, torch.Tensor]:
        """Seconds of the regressions and of composing them, and the reconstructions [1, L, S, row, column]."""
        blocks = self.blocks(depth)
        forward = [b.forward for b in blocks]
        found = []

        def fit() -> None:
            frozen = ENSEMBLE.draw(forward, **self.to)
            options = RIDGE | {"ridge_samples": samples}
            # whatever is chosen of the first images, if those are as many: what the kernel cascade is fitted to
            images = self.train[:samples] if samples < RIDGE["ridge_samples"] else self.train
            found.append((frozen, fit_inverses(blocks, frozen, images, options, seed=SEED, replicas=[0])))

        def compose() -> None:
            frozen, inverses = found[0]
            way_back = inverses.maps, inverses.parameters
            found.append(compose_cascades(forward, frozen, *way_back, self.test[:EVALUATION], 1)[0])

        return spent(fit, self.device), spent(compose, self.device), found[-1]


def spent(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of one call; without a GPU those of the processor, which other programs have a part of."""
    started = time.process_time()
    taken = seconds(work, device)
    return taken if device.type == "cuda" else time.process_time() - started


def exhaust(iterator: Iterator) -> None:
    for _ in iterator:
        pass


def compare(bench: Bench) -> None:
    """That the kernel cascade gives what ridge regression with the same samples does, to the rounding of float32."""
    depth = 5
    expected = bench.ridge(depth, FIT)[-1][0].flatten(2).double()
    found = torch.cat([layer.images for layer in bench.kernel(depth)])
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


def turn(bench: Bench) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """Seconds of everything at all depths, and how they were found."""
    taken: dict[str, list[float]] = {name: [] for name in ("forward", "kernel", "evaluation", "adam", "plain", "ridge")}
    how: dict[str, list[str]] = {name: [] for name in taken}

    def note(name: str, value: float, by: str = "") -> None:
        taken[name].append(value)
        how[name].append(by)

    for depth in DEPTHS:
        note("kernel", spent(lambda depth=depth: exhaust(bench.kernel(depth)), bench.device))
        note("forward", spent(lambda depth=depth: exhaust(bench.follow(depth)), bench.device))
        layers = [layer.images.cpu().numpy() for layer in bench.kernel(depth)]
        note("evaluation", spent(lambda layers=layers: bench.evaluate(layers), bench.device))

    steps = -(-len(bench.train) // BATCH)
    layer = spent(lambda: bench.adam(LAYERS), bench.device) / LAYERS
    step = spent(lambda: bench.plain(LAYERS, STEPS), bench.device) / (LAYERS * STEPS)
    for depth in DEPTHS:
        if layer * depth < MINUTE:
            note("adam", spent(lambda depth=depth: bench.adam(depth), bench.device))
        else:
            note("adam", layer * depth, f"{LAYERS} layers")
        note("plain", step * steps * depth, f"{STEPS} steps of {LAYERS} layers")

    small, large = DEPTHS
    fit, compose, _ = bench.ridge(small)
    note("ridge", fit + compose)
    expected = fit * large / small + compose * (large * (large + 1)) / (small * (small + 1))
    if expected < MINUTE:
        note("ridge", sum(bench.ridge(large)[:2]))
    else:
        note("ridge", expected, f"depth {small}")
    return taken, how


def rows(turns: Sequence[dict[str, list[float]]], how: dict[str, list[str]]) -> list[list[str]]:
    """Of the table: seconds and ratios at all depths."""
    names = {
        "kernel": f"kernel cascade, {FIT} + {EVALUATION} samples",
        "forward": "— weights and forward pass; share, %",
        "evaluation": "its D, H, R²; share, %",
        "ridge": f"ridge regression, {RIDGE['ridge_samples']:,} samples",
        "adam": "Adam, infoflow",
        "plain": "Adam, plain",
    }
    found = []
    for name, title in names.items():
        cells = [title]
        for k in range(len(DEPTHS)):
            values = [taken[name][k] for taken in turns]
            ratios = [taken[name][k] / taken["kernel"][k] for taken in turns]
            part = name in ("forward", "evaluation")
            form = ".2f" if statistics.median(values) < 10 else ",.0f"
            cells.append(spread(values, form) + (f", from {how[name][k]}" if how[name][k] else ""))
            cells.append("" if name == "kernel" else spread([100 * r if part else r for r in ratios], ".0f"))
        found.append([*cells, TARGETS.get(name, "")])
    return found


def measure_job(mnist: Images) -> str:
    """Seconds and memory of the job of the deepest network, in a process that has nothing else in it."""
    parameters = {
        "architecture": MLP,
        "probe": {
            "method": "kernel",
            "kernel_samples": FIT,
            "kernel_penalty": PENALTY,
            "kernel_noise": "absolute",
            "evaluation_samples": EVALUATION,
        },
        "options": {"offset": OFFSET, "saturation_rtol": RTOL, "pictures": 10},
        "run": {"seed": SEED, "replicas": 1, "draws": "independent", "precision": "float32"},
        "data": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        data, result = Path(folder) / "a.nc", Path(folder) / "b.nc"
        write_prepared(data, mnist, SEED, describe_job("prepare_dataset", {}))
        told = [str(Path(__file__).parents[1]), json.dumps(parameters), str(data), str(result)]
        point = encode(SIGMA_W2, SIGMA_B2, DEPTHS[-1])
        command = [sys.executable, "-c", JOB, *told, point]
        most = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        taken = read_result(result).attributes["probe_seconds"]
    libraries = subprocess.run(
        [sys.executable, "-c", f"import torch\n{MEMORY}"], check=True, capture_output=True, text=True
    )
    return f"{taken:.2f} s, {most} MB at most; a process that has torch in it takes {libraries.stdout.strip()} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    mnist = load_images({"kind": "mnist"}, find_data_root(None), SEED)
    both = mnist.train_images, mnist.test_images
    bench = Bench(*(torch.from_numpy(part).to(device).float() / 255 for part in both))
    print(f"{describe(device)}; {arguments.repeats} turns; median (least–largest)\n", flush=True)
    compare(bench)
    bench.plain(1, 5)  # the first optimizer of a process imports the compiler
    turns, how = zip(*(turn(bench) for _ in range(arguments.repeats)))
    head = [""]
    for depth in DEPTHS:
        head += [f"depth {depth}, s", "ratio"]
    print(table([*head, "target"], rows(turns, how[-1])), flush=True)
    print(f"\nThe job of depth {DEPTHS[-1]}: {measure_job(mnist)}")


if __name__ == "__main__":
    main()
