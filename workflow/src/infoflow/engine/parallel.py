"""Independent pieces of work on the cores of a CPU."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

CACHE = 4 << 20
"""Bytes that are at hand in the cache of one thread of a CPU; half or twice of it make no difference."""

Item = TypeVar("Item")


def for_each(items: Iterable[Item], work: Callable[[Item], None], device: torch.device, count: int) -> None:
    """Call `work` on every item, on a CPU several at a time, each with its share of the threads.

    Small operations waste less when every thread has its own than when all of them share each one. The next item is
    drawn when a thread is free for it. An exception of `work` is raised here.

    Args:
        count: number of items; at least as many as there are threads, if it is not known.
    """
    threads = torch.get_num_threads()
    workers = min(threads, count) if device.type == "cpu" else 1
    if workers == 1:
        for item in items:
            work(item)
        return
    share = threads // workers
    torch.set_num_threads(share)  # of this thread alone: it draws the items
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(share,)) as pool:
            running = set()
            for item in items:
                running.add(pool.submit(work, item))
                if len(running) == workers:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for finished in done:
                        finished.result()
            for finished in running:
                finished.result()
    finally:
        torch.set_num_threads(threads)
