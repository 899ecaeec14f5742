"""All that has to be known of one GPU, within ten minutes: `make gpu`.

The tests that need CUDA; results against those of the CPU; the engine against the plain way, and against what the card
allows. On white noise of MNIST's shape: nothing is downloaded. Each part is kept in a file and not run again, unless
the source, the sizes, the card or the versions are others; whatever was left out or failed is run by the next call.
Writes table.md and table.json. Exit status 1 if a part failed, or nothing could be run, not if a target is missed.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import engine
import kernel
from machine import spread, table

from infoflow import check
from infoflow.archive.source import source_digest
from infoflow.engine.images import PreparedImages
from infoflow.engine.initialization import Ensemble
from infoflow.engine.training import train
from infoflow.files.results import replaced
from infoflow.predictors.kinds import PREDICTORS
from infoflow.predictors.measure import score_network
from infoflow.predictors.untrained import draw_untrained
from infoflow.reconstruction.fit import fit_inverses
from infoflow.studies.trainability.scores import FREE

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 540
"""Seconds after which no part is begun, of the ten minutes."""
HEAD = ["", "measured", "aim or bound", "kept", "more"]
SIGMA_W2, SIGMA_B2 = 1.76, 0.05
MLP = {"kind": "mlp", "layout": "wide", "activation": "tanh"}


@dataclass(frozen=True)
class Size:
    """How much is done.

    Attributes:
        images: of training; of the kernel cascade 300 are fitted.
        depth, replicas: of what is timed.
        kernel_depth: of the kernel cascades that are timed.
        compared: depth of the networks that are compared with the CPU's.
        repeats: turns.
        side: of the matrices that give the rate of the arithmetic; None: as large as the device likes.
    """

    images: int
    depth: int
    replicas: int
    kernel_depth: int
    compared: int
    repeats: int
    side: int | None


SIZES = {"full": Size(6400, 50, 8, 200, 20, 3, None), "small": Size(384, 3, 2, 4, 3, 1, 512)}


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        bound: what the number is held against, in words.
        kept: whether it is kept; None where nothing is judged.
        failed: whether that makes the part fail: a result that is wrong, and not a target that is missed.
    """

    name: str
    measured: str
    bound: str = ""
    kept: bool | None = None
    failed: bool = False
    more: str = ""

    def cells(self) -> list[str]:
        return [self.name, self.measured, self.bound, {None: "", True: "yes", False: "**no**"}[self.kept], self.more]


@dataclass(frozen=True)
class Card:
    """What is measured, and where."""

    device: torch.device
    size: Size

    @property
    def judged(self) -> bool:
        """Whether targets apply: on a GPU, at full size."""
        return self.device.type == "cuda" and self.size == SIZES["full"]

    def digits(self) -> engine.Digits:
        """White noise of MNIST's shape, with labels that mean nothing."""
        random = torch.Generator().manual_seed(0)
        images = torch.randint(256, (self.size.images, 28, 28), generator=random, dtype=torch.uint8)
        return engine.Digits(images, torch.randint(10, (len(images),), generator=random))


# --- the parts


def run_tests(card: Card) -> list[Row]:
    """Those that are marked gpu, in a process of their own."""
    if card.device.type != "cuda":
        return [Row("tests that need CUDA", "not run", more="there is no CUDA device")]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "--rootdir", str(ROOT), str(ROOT / "tests/unit")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    counts = {what: int(n) for n, what in re.findall(r"(\d+) (passed|failed|skipped|errors?)\b", done.stdout)}
    if not counts.get("passed") or done.returncode:
        print((done.stdout + done.stderr)[-3000:], file=sys.stderr)
    kept = done.returncode == 0 and counts.get("passed", 0) > 0 and not counts.get("skipped")
    found = ", ".join(f"{n} {what}" for what, n in counts.items()) or f"exit status {done.returncode}"
    return [Row("tests that need CUDA", found, "all pass, none is skipped", kept, not kept)]


def compare_results(card: Card) -> list[Row]:
    """The same on the device and on the CPU, in float64 but for `check`, which computes in that of the network."""
    cases: dict[str, tuple[Callable[[Card, torch.device], np.ndarray], float]] = {
        "kernel cascade": (_kernel_cascade, 1e-6),
        "probe by Adam": (_adam_probe, 1e-5),
        "training": (_training, 1e-5),
        **{
            f"predictor {name}": (lambda card, device, name=name: _prediction(card, device, name), 1e-6)
            for name in PREDICTORS
            if name not in FREE
        },
        "check: probability": (_check, 1e-2),
    }
    rows = []
    for name, (compute, bound) in cases.items():
        expected, found = (compute(card, device) for device in (torch.device("cpu"), card.device))
        if not np.isfinite(expected).all():
            raise RuntimeError(f"{name}: the CPU's results are not finite")
        # NaN is above any bound
        difference = float(np.abs(found - expected).max() / np.abs(expected).max())
        kept = difference <= bound
        what = "largest difference from the CPU's, by the largest value"
        rows.append(Row(name, f"{difference:.1e}", f"≤ {bound:.0e}", kept, not kept, what))
    return rows


def time_probe(card: Card) -> list[Row]:
    case = engine.probe_case(card.digits(), card.size.depth, card.size.replicas, card.device)
    return [_against_plain(card, case, 50)]


def time_training(card: Card) -> list[Row]:
    case = engine.training_case(card.digits(), card.size.depth, card.size.replicas, card.device)
    return [_against_plain(card, case, 20)]


def time_roofline(card: Card) -> list[Row]:
    size = card.size
    found = engine.measure_limits(card.digits(), size.depth, size.replicas, size.repeats, card.device, size.side)
    name = f"share of the roofline of a step of the probe, depth {size.depth}, {size.replicas} replicas, %"
    kept = median(found.shares) >= 50 if card.judged else None
    more = (
        f"{median(found.taken) * 1e6:.1f} µs; arithmetic {found.arithmetic * 1e6:.1f} µs at "
        f"{found.rate / 1e12:.1f} TFLOP/s, traffic {found.traffic * 1e6:.1f} µs at {found.bandwidth / 1e9:,.0f} GB/s"
    )
    return [Row(name, spread(found.shares, ".0f"), "≥ 50", kept, more=more)]


def time_kernel(card: Card) -> list[Row]:
    """Seconds of a kernel cascade, and of Adam the plain way for the same layers, from a few of them."""
    images = card.digits().data.to(card.device).float() / 255
    bench, size = kernel.Bench(images, images), card.size
    steps, layers = (kernel.STEPS, kernel.LAYERS) if card.judged else (2, 1)
    steps = min(steps, -(-size.images // kernel.BATCH))
    kernel.exhaust(bench.kernel(2))
    bench.plain(1, 2)
    turns = []
    for _ in range(size.repeats):
        ours = kernel.spent(lambda: kernel.exhaust(bench.kernel(size.kernel_depth)), card.device)
        taken = kernel.spent(lambda: bench.plain(layers, steps), card.device) / (layers * steps)
        turns.append((ours, taken * size.kernel_depth * -(-60_000 // kernel.BATCH)))
    name = f"kernel cascade, depth {size.kernel_depth}, 1 replica, s"
    ratios = [plain / ours for ours, plain in turns]
    how = f"plain, from {steps} steps of {layers} layer{'s' * (layers > 1)}"
    more = f"an epoch of Adam on 60,000 images, {how}, takes {spread(ratios, '.0f')} times as long"
    return [Row(name, spread([ours for ours, _ in turns], ".3f"), more=more)]


PARTS: Mapping[str, Callable[[Card], list[Row]]] = {
    "tests": run_tests,
    "agreement": compare_results,
    "probe": time_probe,
    "training": time_training,
    "roofline": time_roofline,
    "kernel": time_kernel,
}


def _against_plain(card: Card, case: engine.Case, target: float) -> Row:
    turns = engine.take_turns(case, card.size.repeats, card.device)
    ratios = [plain / ours for plain, ours in turns]
    plain, ours = (spread(list(values), ".3f") for values in zip(*turns))
    kept = median(ratios) >= target if card.judged else None
    name = f"{case.name}, times as fast as the plain way, per replica"
    return Row(name, spread(ratios, ".1f"), f"≥ {target:g}", kept, more=f"{ours} s per replica; plain {plain} s")


# --- what is compared


def _noise(count: int, device: torch.device) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.rand(count, 28, 28, generator=random, dtype=torch.float64).to(device)


def _labels(count: int, device: torch.device) -> torch.Tensor:
    return torch.randint(10, (count,), generator=torch.Generator().manual_seed(2)).to(device)


class Exact(kernel.Bench):
    """In float64."""

    @property
    def to(self) -> dict:
        return {"dtype": torch.float64, "device": self.device}


def _kernel_cascade(card: Card, device: torch.device) -> np.ndarray:
    bench = Exact(_noise(kernel.FIT, device), _noise(kernel.EVALUATION, device))
    return torch.cat([layer.images for layer in bench.kernel(card.size.compared)]).cpu().numpy()


def _adam_probe(card: Card, device: torch.device) -> np.ndarray:
    blocks, replicas = engine.network(card.size.compared).blocks, range(2)
    ensemble = Ensemble(SIGMA_W2, SIGMA_B2, 0, replicas)
    frozen = ensemble.draw([b.forward for b in blocks], dtype=torch.float64, device=device)
    images = _noise(128, device)
    return fit_inverses(blocks, frozen, images, engine.ADAM, seed=0, replicas=replicas).losses.cpu().numpy()


def _training(card: Card, device: torch.device) -> np.ndarray:
    images, labels = _noise(128, device), _labels(128, device)
    prepared = PreparedImages(images, images[:64], labels, labels[:64], torch.arange(64))
    settings = {"epochs": 2, "batch_size": 64, "learning_rate": 1e-2, "momentum": 0.5, "readout": "logits"}
    settings |= {"optimizer": "sgd", "success_accuracy": 1.0, "stop": "never"}
    ensemble = Ensemble(SIGMA_W2, SIGMA_B2, 0, range(2))
    return np.asarray(train(engine.network(card.size.compared), ensemble, prepared, settings).loss)


def _prediction(card: Card, device: torch.device, name: str) -> np.ndarray:
    ensemble = Ensemble(SIGMA_W2, SIGMA_B2, 0, range(2))
    options = MLP | {"width": 64}
    untrained = draw_untrained(options, _noise(32, device), _labels(32, device), 10, card.size.compared, ensemble)
    return score_network(name, untrained).scores.score


def _check(card: Card, device: torch.device) -> np.ndarray:
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(784, 64), nn.Tanh()]
    for _ in range(card.size.compared - 1):
        layers += [nn.Linear(64, 64), nn.Tanh()]
    model = nn.Sequential(*layers, nn.Linear(64, 10)).to(device)
    report = check(model, _noise(96, device).float(), _labels(96, device), optimizer="adam:1e-3")
    return np.array([report.verdict.probability])


# --- what is kept, and the table


def describe_machine(device: torch.device) -> dict[str, str]:
    """Device, driver and versions."""
    about = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    if device.type != "cuda":
        return {"device": f"CPU ({platform.machine()})", **about}
    card = torch.cuda.get_device_properties(device)
    try:
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        driver = "unknown"
    memory = f"{card.total_memory / 2**30:.0f} GiB"
    return {"device": card.name, "memory": memory, "driver": driver, "cuda": str(torch.version.cuda), **about}


def read_part(file: Path, made_by: Mapping[str, Any]) -> dict[str, Any] | None:
    """A part that is done, and by the same; None if there is none."""
    try:
        part = json.loads(file.read_text(encoding="utf-8"))
        return part if part["made_by"] == made_by and not any(row["failed"] for row in part["rows"]) else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def write_json(file: Path, value: Any) -> None:
    with replaced(file) as partial:
        partial.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def run_part(name: str, card: Card, made_by: Mapping[str, Any]) -> dict[str, Any]:
    """What it found; a part that breaks off is a row that says why."""
    started = time.perf_counter()
    try:
        rows = PARTS[name](card)
    except Exception as error:  # the others are worth having
        rows = [Row(name, "failed", kept=False, failed=True, more=" ".join(f"{type(error).__name__}: {error}".split()))]
    seconds = round(time.perf_counter() - started, 1)
    return {"made_by": made_by, "seconds": seconds, "rows": [asdict(row) for row in rows]}


def write_table(folder: Path, machine: Mapping[str, str], size: str, parts: Mapping[str, Any]) -> str:
    """table.json and table.md, which is returned."""
    rows = [Row(**row) for part in parts.values() for row in part["rows"]]
    left = [name for name in PARTS if name not in parts]
    lines = [
        "; ".join(f"{key} {value}" for key, value in machine.items()) + f". Size: {size}.",
        "White noise of MNIST's shape; width 784, batches of 64, float32; median (least–largest).",
        *([f"Left for the next call: {', '.join(left)}."] if left else []),
    ]
    text = "\n".join(lines) + "\n\n" + table(HEAD, [row.cells() for row in rows]) + "\n"
    write_json(folder / "table.json", {"machine": machine, "size": size, "left": left, "parts": parts})
    with replaced(folder / "table.md") as partial:
        partial.write_text(text, encoding="utf-8")
    return text


def main(arguments: list[str] | None = None) -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: to try the script itself")
    parser.add_argument("--size", choices=list(SIZES), help="by default full on a GPU, small on a CPU")
    parser.add_argument("--to", type=Path, default=Path("results/gpu"), help="folder; default: %(default)s")
    parser.add_argument("--anew", action="store_true", help="run parts again that are done")
    chosen = parser.parse_args(arguments)
    if chosen.device == "cuda" and not torch.cuda.is_available():
        print(
            f"error: torch {torch.__version__} finds no CUDA device; run this where nvidia-smi shows one, or try the "
            "script itself with --device cpu",
            file=sys.stderr,
        )
        return 1
    started = time.perf_counter()
    device = torch.device(chosen.device)
    size = chosen.size or ("full" if device.type == "cuda" else "small")
    card, machine = Card(device, SIZES[size]), describe_machine(device)
    made_by = {"machine": machine, "size": asdict(card.size), "source": source_digest(ROOT)}
    parts: dict[str, Any] = {}
    for name in PARTS:
        file = chosen.to / "parts" / f"{name}.json"
        part = None if chosen.anew else read_part(file, made_by)
        if part is None and time.perf_counter() - started > LIMIT:
            continue
        if part is None:
            print(f"{name} …", flush=True)
            part = run_part(name, card, made_by)
            write_json(file, part)
        parts[name] = part
    print(write_table(chosen.to, machine, size, parts))
    return int(any(row["failed"] for part in parts.values() for row in part["rows"]))


if __name__ == "__main__":
    sys.exit(main())
