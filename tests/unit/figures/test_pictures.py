import numpy as np
from PIL import Image

from common import ROOT
from infoflow.figures.pictures import PICTURES, WIDTH, copy_pictures
from infoflow.plan import KINDS


def test_pictures_are_reduced_copies_of_what_was_drawn(tmp_path):
    figure = tmp_path / "second/figures/digits/roc.png"
    figure.parent.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 255, (300, 2 * WIDTH, 3), np.uint8)
    Image.fromarray(noise).save(figure)
    docs = tmp_path / "docs"
    docs.mkdir()
    said = copy_pictures([tmp_path / "first", tmp_path / "second"], docs)
    assert sorted(path.name for path in docs.iterdir()) == ["cascade.png", "roc.png"]
    with Image.open(docs / "roc.png") as picture:
        assert picture.size == (WIDTH, 150)
    with Image.open(docs / "cascade.png") as picture:
        assert abs(picture.width - WIDTH) < 10
    assert any(line.startswith("docs/map.png: stays as it is; `make figures CONFIG=config/map.yaml`") for line in said)


def test_every_picture_is_of_a_figure_that_there_is_and_is_in_the_documents():
    figures = {name for kind in KINDS for name in kind.FIGURES}
    assert {picture.figure.split("/")[1] for picture in PICTURES.values()} <= figures
    made = {path.stem for path in (ROOT / "docs").glob("*.png")}
    assert made >= {*PICTURES, "cascade"}
    for picture in PICTURES.values():
        if "CONFIG=" in picture.command:
            assert (ROOT / picture.command.split("CONFIG=")[1]).is_file()
