import yaml

from common import SCHEMA, plugins
from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.engine import activations
from infoflow.engine.activations.kinds import ACTIVATIONS


def test_the_table_names_the_modules():
    assert sorted(ACTIVATIONS) == plugins(activations, "activation")


def test_a_config_can_name_all():
    """Of networks that are probed, all but the two that no architecture was published with."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    found = []

    def walk(node, key=None):
        if key == "activation" and ("enum" in node or "items" in node):  # of a list of layers it is checked by name
            found.append(set(node.get("enum") or node["items"]["enum"]))
        for name, below in node.items() if isinstance(node, dict) else ():
            walk(below, name)

    walk(schema)
    assert sorted(found, key=len) == [set(ACTIVATIONS) - {"linear", "tanhshrink"}, set(ACTIVATIONS)]


def test_a_theory_is_of_activations_that_there_are():
    assert all(set(kind.theory) <= set(ACTIVATIONS) for kind in ARCHITECTURES.values())
