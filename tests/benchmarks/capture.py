"""All of torchvision's classifiers, with random weights: captured, proved by replay, left as they were, and how fast.

Each on the smallest images that it takes. The plain pass is in the mode of capturing, normalisation by the batch as in
training, without gradients; both take turns on the same batch, and the best of each counts. Finding the blocks, once
per network, is a pass that is recorded and run again, of 5 samples. Times are those of the processor, one thread, which
other programs have a part of. Writes capture.md beside this file.
"""

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import describe, table

sys.path.insert(0, str(Path(__file__).parents[1]))
from classifiers import Examined, build, examine, names, smallest
from infoflow.errors import InfoflowError

DEVICE = torch.device("cpu")
TARGET = 1.5
HEAD = (
    *("network", "parameters, M", "image", "blocks", "proved", "unchanged"),
    *("plain, ms", "captured, ms", "ratio", "finding, ms"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="by torchvision's names; all by default")
    parser.add_argument("--samples", type=int, default=6, help="in the batch; 5 or more")
    parser.add_argument("--repeats", type=int, default=3, help="passes of which the best counts, at least")
    parser.add_argument("--write", type=Path, default=Path(__file__).with_suffix(".md"), help="file of the table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found, rows = {}, []
    for name in options.networks or names():
        started = time.perf_counter()
        row, found[name] = measure(name, options.samples, options.repeats)
        rows.append(row)
        print(" | ".join(row), f"| {time.perf_counter() - started:.0f} s in all", flush=True)
        gc.collect()
    options.write.write_text(report(found, rows, options))


def spent(work: Callable[[], object]) -> float:
    """Seconds of the processor."""
    started = time.process_time()
    work()
    return time.process_time() - started


def measure(name: str, samples: int, repeats: int) -> tuple[list[str], Examined | None]:
    """Row of the table, and what came of one network."""
    torch.manual_seed(0)
    model = build(name)
    size = f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f}"
    try:
        batch = smallest(model, samples)
        found = examine(model, batch, spent, repeats)
    except InfoflowError as error:
        return [name, size, "", "", f"no: {error}", *[""] * 5], None
    plain, captured, finding = (f"{1e3 * s:.1f}" for s in found.seconds)
    proved = "yes" if found.outputs_equal else "no: other outputs"
    unchanged = "yes" if not found.changed else f"no: {found.changed[0]}"
    ratio = f"{found.seconds[1] / found.seconds[0]:.2f}"
    sizes = str(batch.shape[-1]), str(len(found.blocks))
    return [name, size, *sizes, proved, unchanged, plain, captured, ratio, finding], found


def report(found: dict[str, Examined | None], rows: list[list[str]], options: argparse.Namespace) -> str:
    done = {n: f for n, f in found.items() if f is not None and f.outputs_equal and not f.changed}
    ratios = {n: f.seconds[1] / f.seconds[0] for n, f in done.items()}
    arguments = ["--samples", str(options.samples), "--repeats", str(options.repeats), *options.networks]
    said = (
        f"`tests/benchmarks/capture.py {' '.join(arguments)}`: {describe(DEVICE)}. Times are those of the processor, "
        "beside other work. Captured, proved by replay and left unchanged, all to the bit: "
        f"{len(done)} of {len(found)}."
    )
    if ratios:
        worst, middle = max(ratios, key=ratios.__getitem__), statistics.median(ratios.values())
        said += (
            f" A pass with capture takes {middle:.2f} times a plain one (median), and at most {ratios[worst]:.2f} "
            f"times ({worst}); the target is {TARGET}."
        )
    return f"# Capturing torchvision's classifiers\n\n{said}\n\n{table(HEAD, rows)}\n"


if __name__ == "__main__":
    main()
