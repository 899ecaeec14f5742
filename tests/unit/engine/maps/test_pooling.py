import torch

from infoflow.engine.maps.map import apply, record_of
from infoflow.engine.maps.pooling import MaxPool, Unpool


def test_pooling_is_undone_where_the_maxima_were():
    x = torch.rand(2, 3, 6, 7, 4, generator=torch.Generator().manual_seed(0))
    layer, back = MaxPool((6, 7, 4), 2), Unpool((3, 3, 4), (6, 7, 4))
    y = apply(layer, {}, x)
    again = apply(back, {}, y, record_of(layer, x))
    torch.testing.assert_close(apply(layer, {}, again), y)
    where = again != 0
    torch.testing.assert_close(again[where], x[where])
    assert int(where.sum()) == y.numel()
