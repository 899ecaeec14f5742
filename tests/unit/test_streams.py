import numpy as np

from infoflow.streams import stream


def test_a_stream_is_named_by_all_of_its_labels():
    names = [(0,), (0, 0), (0, "a"), (0, "a", 0), (0, "a/0", "b"), (1,), (1, "a"), (10,), (1, 0), (0, True), (0, 1)]
    first = [stream(*name).random() for name in names]
    assert len(set(first)) == len(names)
    assert [stream(*name).random() for name in names] == first


def test_large_seeds_are_seeds():
    assert np.isfinite(stream(2**63 - 1, "a").random())
