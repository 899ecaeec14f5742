import threading

import pytest
import torch

from infoflow.engine.parallel import for_each


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_every_item_is_worked_on_once_and_the_threads_are_shared(threads, count):
    lock, seen, shares = threading.Lock(), [], set()

    def work(item):
        with lock:
            seen.append(item)
            shares.add(torch.get_num_threads())

    for_each(iter(range(count)), work, torch.device("cpu"), count)
    assert sorted(seen) == list(range(count))
    assert shares == {threads // min(threads, count)}
    assert torch.get_num_threads() == threads


def test_an_exception_is_raised_and_the_threads_are_given_back(threads):
    def work(item):
        if item == 2:
            raise ValueError("item 2")

    with pytest.raises(ValueError, match="item 2"):
        for_each(range(5), work, torch.device("cpu"), 5)
    assert torch.get_num_threads() == threads


def test_items_are_drawn_when_they_are_needed(threads):
    """What an item holds must not pile up."""
    lock, alive, most = threading.Lock(), 0, 0

    def items():
        nonlocal alive, most
        for item in range(12):
            with lock:
                alive += 1
                most = max(most, alive)
            yield item

    def work(item):
        nonlocal alive
        with lock:
            alive -= 1

    for_each(items(), work, torch.device("cpu"), 12)
    assert most <= threads + 1
