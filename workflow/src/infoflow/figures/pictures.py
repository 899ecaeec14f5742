"""The pictures of the documents, from the figures of runs: `python -m infoflow.figures.pictures results ...`.

`make pictures RESULTS="<results of one run> <of another>"`. A picture of a run that is not named stays as it is.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from infoflow.figures.schematic import main as draw_schematic
from infoflow.files.results import replaced

WIDTH = 1660
"""Pixels, twice the column of README; a narrower figure is not enlarged."""
DEMONSTRATION = "make figures"
DIGITS = "make figures CONFIG=config/digits.yaml"


@dataclass(frozen=True)
class Picture:
    """A picture of the documents: the figure that it is of, and the command that draws it."""

    figure: str
    command: str = DEMONSTRATION


PICTURES = {
    "boundary": Picture("evidence_mnist/boundary", "make figures CONFIG=config/evidence.yaml"),
    "check_calibration": Picture("check_calibration/check_calibration", "make figures CONFIG=config/check.yaml"),
    "collapse": Picture("map_tanh/collapse", "make figures CONFIG=config/map.yaml"),
    "decisions": Picture("digits/decisions", DIGITS),
    "entropy_maps": Picture("digits/entropy_maps", DIGITS),
    "information_reconstruction": Picture("information_plane/information_reconstruction"),
    "leaderboard": Picture("leaderboard/leaderboard", DIGITS),
    "map": Picture("map_tanh/map", "make figures CONFIG=config/map.yaml"),
    "phase_diagram": Picture("digits/trainability_map", DIGITS),
    "recommendation": Picture("recommendation/recommendation", DIGITS),
    "roc": Picture("digits/roc", DIGITS),
    "scaling": Picture("digits/scaling", DIGITS),
    "trainability": Picture("evidence_mnist/trainability_map", "make figures CONFIG=config/evidence.yaml"),
    "trainability_cnn": Picture("evidence_mnist_cnn/trainability_map", "make figures CONFIG=config/evidence.yaml"),
    "vgg16": Picture("photographs_vgg16/channels"),
}
"""By name of the PNG file in docs; `boundary_search` is drawn by tests/benchmarks/boundary.py."""


def copy_pictures(results: Sequence[str | Path], docs: str | Path) -> list[str]:
    """Reduce the figures of some runs to pictures, and draw the schematic.

    Args:
        results: directories that hold `figures`, of several runs; the first that has a figure gives it.
        docs: directory of the pictures.

    Returns:
        what was done with each picture, a line of text.
    """
    said = []
    for name, picture in PICTURES.items():
        files = [Path(folder) / f"figures/{picture.figure}.png" for folder in results]
        found = next((file for file in files if file.is_file()), None)
        if found is None:
            said.append(f"docs/{name}.png: stays as it is; `{picture.command}` draws {picture.figure}")
            continue
        _reduce(found, Path(docs) / f"{name}.png")
        said.append(f"docs/{name}.png: {found}")
    draw_schematic(str(Path(docs) / "cascade.png"))
    return [*said, "docs/cascade.png: drawn"]


def _reduce(source: Path, target: Path) -> None:
    with Image.open(source) as picture:
        picture = picture.convert("RGB")
        if picture.width > WIDTH:
            height = round(picture.height * WIDTH / picture.width)
            picture = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
        with replaced(target) as temporary:
            picture.save(temporary, optimize=True)


def main(arguments: Sequence[str]) -> None:
    """Say what was done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="*", default=["results"], help="directories that hold figures")
    parser.add_argument("--docs", default="docs", help="directory of the pictures")
    options = parser.parse_args(arguments)
    print("\n".join(copy_pictures(options.results, options.docs)))


if __name__ == "__main__":
    main(sys.argv[1:])
