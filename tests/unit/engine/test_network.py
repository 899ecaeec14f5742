import pytest

from infoflow.engine.maps.dense import Dense
from infoflow.engine.network import Block


def test_a_block_refuses_an_inverse_that_does_not_fit():
    with pytest.raises(ValueError, match="inverse"):
        Block(Dense((4,), (3,), "tanh"), Dense((3,), (5,), "tanh"))
