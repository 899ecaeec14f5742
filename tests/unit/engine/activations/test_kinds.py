from common import plugins
from infoflow.engine import activations
from infoflow.engine.activations.kinds import ACTIVATIONS


def test_the_table_names_the_modules():
    assert sorted(ACTIVATIONS) == plugins(activations, "activation")
