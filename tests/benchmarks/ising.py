"""Monte Carlo of the Ising model: spin updates per second on a square lattice, for one chain and for one per core.

Metropolis without measurements; single clusters (Wolff) with one measurement per sweep, as the workflow runs them, and
with their equilibration. Compilation is not timed.
"""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from machine import describe, spread, table

from infoflow.studies.ising.lattice import CRITICAL_COUPLING
from infoflow.studies.ising.monte_carlo import metropolis_sweeps, run_chain

COUPLINGS = (0.3, CRITICAL_COUPLING, 0.6)
TARGET = 20e6
"""Spin updates per second of Metropolis on two cores."""


def metropolis(coupling: float, side: int, sweeps: int, seed: int) -> float:
    """Seconds of so many sweeps of a lattice in equilibrium."""
    generator = np.random.default_rng(seed)
    spins = np.ones((side, side), np.int8)
    metropolis_sweeps(spins, coupling, 20, generator)
    started = time.perf_counter()
    metropolis_sweeps(spins, coupling, sweeps, generator)
    return time.perf_counter() - started


def wolff(coupling: float, side: int, sweeps: int, seed: int) -> float:
    """Seconds of a chain of so many sweeps, a fifth of them equilibration."""
    started = time.perf_counter()
    run_chain(coupling, side, sweeps - sweeps // 5, np.random.default_rng(seed), equilibration=sweeps // 5)
    return time.perf_counter() - started


def rates(work, coupling: float, side: int, sweeps: int, chains: int, repeats: int) -> list[float]:
    """Updates per second of all chains together; the compiled loops hold no lock, so threads are enough."""
    found = []
    with ThreadPoolExecutor(chains) as pool:
        for repeat in range(repeats):
            seeds = range(100 * repeat, 100 * repeat + chains)
            seconds = list(pool.map(work, *([value] * chains for value in (coupling, side, sweeps)), seeds))
            found.append(chains * sweeps * side**2 / max(seconds))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for work in (metropolis, wolff):
        work(0.4, 16, 20, 0)
    print(f"{describe(torch.device('cpu'))}\n")
    rows, least = [], float("inf")
    for work in (metropolis, wolff):
        for coupling in COUPLINGS:
            cells = []
            for chains in sorted({1, cores}):
                found = rates(work, coupling, options.side, options.sweeps, chains, options.repeats)
                cells.append(spread([rate / 1e6 for rate in found], ".0f"))
                if work is metropolis and chains == cores:
                    least = min(least, min(found))
            rows.append([work.__name__, f"{coupling:.6g}", *cells])
    head = ["algorithm", "coupling", *(f"{n} chain{'s' if n > 1 else ''}" for n in sorted({1, cores}))]
    print(f"{options.side}², million spin updates per second, median (least–largest) of {options.repeats}:\n")
    print(table(head, rows))
    print(f"\nMetropolis on {cores} cores: at least {least / 1e6:.0f} million per second; aimed at: {TARGET / 1e6:.0f}")


if __name__ == "__main__":
    main()
