"""Independent pieces of work on the cores of a CPU."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

Item = TypeVar("Item")


def for_each(items: Iterable[Item], work: Callable[[Item], None], threads: int) -> None:
    """Call `work` on every item, so many at a time, each on a thread of its own.

    Small operations waste less when every thread has its own than when all of them share each one. The next item is
    drawn when a thread is free for it. An exception of `work` is raised here.
    """
    if threads == 1:
        for item in items:
            work(item)
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # of this thread alone: it draws the items
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            running = set()
            for item in items:
                running.add(pool.submit(work, item))
                if len(running) == threads:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for finished in done:
                        finished.result()
            for finished in running:
                finished.result()
    finally:
        torch.set_num_threads(before)
