"""A package that publishes an architecture, as it lies where it is installed."""

from pathlib import Path

FACTORY = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, shape, classes, depth, width):
        super().__init__()
        widths = [torch.Size(shape).numel(), *[width] * depth]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.scores = nn.Linear(width, classes)

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return self.scores(x)


def make(input_shape, classes, depth, width=9):
    return Net(input_shape, classes, depth, width)


def make_a_list(input_shape, classes, depth):
    return []


def make_other_scores(input_shape, classes, depth):
    return Net(input_shape, classes + 1, depth, 4)


def make_nothing(input_shape, classes, depth):
    raise RuntimeError("not today,\\nsorry")
"""
NAMES = ("make", "make_a_list", "make_other_scores", "make_nothing")


def install(root: Path, package: str = "acme_nets", version: str = "1.2", names: tuple[str, ...] = NAMES) -> Path:
    """Write it below a directory, which then belongs on the path of Python; a mark is left where it is imported."""
    (root / package).mkdir(parents=True)
    mark = "from pathlib import Path\n\n(Path(__file__).parent / 'imported').touch()\n"
    (root / package / "__init__.py").write_text(mark + FACTORY)
    about = root / f"{package}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    points = "".join(f"{name} = {package}:{name}\n" for name in names)
    (about / "entry_points.txt").write_text(f"[infoflow.architectures]\n{points}")
    return root
