"""Paths and configs that the tests share."""

import random
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def load_config(name: str = "config") -> dict:
    return yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())


ARCHITECTURES = {
    "mlp": {"kind": "mlp", "layout": "wide", "width": 14, "activation": "tanh"},
    "mlp pixels": {"kind": "mlp", "layout": "wide", "activation": "tanh"},
    "mlp shrinking": {"kind": "mlp", "layout": "shrinking", "width": 20, "activation": "tanh", "head": [5]},
    "cnn": {"kind": "cnn", "channels": 3, "activation": "tanh"},
    "resnet": {"kind": "resnet", "channels": 3, "activation": "tanh"},
    "resnet_dense": {"kind": "resnet_dense", "activation": "tanh", "head": [6]},
}
"""Small examples of the architectures; a test sees to it that every kind is there."""


def assert_nothing_beyond_the_edges(figure) -> None:
    """That no text of a matplotlib figure is cut off; a hundredth of an inch for rounding."""
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0) >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


def noisy_copies(path: Path, count: int) -> Iterator[None]:
    """Overwrite a file, `count` times, with 1 to 512 bytes of noise anywhere; at the end it is what it was."""
    whole = path.read_bytes()
    for seed in range(count):
        generator = random.Random(seed)
        start = generator.randrange(len(whole))
        noise = generator.randbytes(generator.randint(1, 512))[: len(whole) - start]
        path.write_bytes(whole[:start] + noise + whole[start + len(noise) :])
        yield
    path.write_bytes(whole)
