"""Code of the book that reads cubes or runs the workflow, on cubes of the tiny run under the names of the page."""

from pathlib import Path

import pytest
import xarray as xr
import yaml

from book_pages import blocks, run_block
from common import ROOT
from runs import Checkout

WIDTHS = {1.0: 0.5, 2.0: 1.76}
"""Values of σ_w² of the tiny run, by those that pages ask for."""
TANH = "tanh_10-7-5-4-3_f0.85_adam0.0004_truncated_w1.0_b0.0"


@pytest.fixture(scope="session")
def cubes(finished, tmp_path_factory) -> Path:
    """A folder with cubes of the tiny run that are called, and whose axes are, as the pages have them."""
    root = tmp_path_factory.mktemp("pages")
    folder = root / "results/cubes"
    folder.mkdir(parents=True)
    digits = xr.load_dataset(finished.root / "results/cubes/digits.nc")
    digits = digits.assign_coords(
        sigma_w2=[WIDTHS[w] for w in digits.sigma_w2.values],
        score=["gradient_ratio" if name == "snip" else name for name in digits.score.values],
    )
    for name in ("digits", "evidence_mnist", "mnist_cnn", "mnist_resnet"):
        digits.to_netcdf(folder / f"{name}.nc")
    plane = xr.load_dataset(finished.root / "results/cubes/information_plane.nc")
    layers = xr.concat([plane.isel(layer=0)] * 5, "layer").assign_coords(layer=range(1, 6))
    layers.assign_coords(network=[TANH, *plane.network.values[1:]]).to_netcdf(folder / "information_plane.nc")
    return root


@pytest.mark.parametrize(
    ("page", "n"),
    [
        (page, n)
        for page in ("README.md", "docs/method.md", "docs/results.md")
        for n in range(len(blocks(page, "python")))
    ],
)
def test_what_reads_cubes_runs(page, n, cubes, monkeypatch):
    monkeypatch.chdir(cubes)
    names = run_block(blocks(page, "python")[n], page)
    if "tables" in names:
        made, kept = (path.read_text().splitlines()[0] for path in (cubes / "evidence.csv", ROOT / "docs/evidence.csv"))
        assert made == kept
    if "layer" in names:
        assert set(names["layer"].dims) == {"sigma_w2", "replica"}


def test_the_grid_of_ones_own_runs(tmp_path, monkeypatch):
    """docs/own_grid.md from its pictures to its cube; of its grid the corners that the page asserts something about."""
    checkout = Checkout(tmp_path)
    monkeypatch.chdir(tmp_path)
    pictures, ask = blocks("docs/own_grid.md", "python")
    run_block(pictures, "docs/own_grid.md")
    assert len(list(Path("pictures").glob("*/*.png"))) == 1797
    (text,) = blocks("docs/own_grid.md", "yaml")
    config = yaml.safe_load(text)
    experiment = config["experiments"]["pictures"]
    experiment.update(sigma_w2=experiment["sigma_w2"][:3:2], depth=experiment["depth"][::3])
    checkout.write("pictures.yaml", config)
    assert "rule experiment_pictures" in checkout.run("-n", "experiment_pictures", config="pictures.yaml")
    checkout.run("results/cubes/pictures.nc", config="pictures.yaml")
    names = run_block(ask, "docs/own_grid.md")
    assert names["cube"].trainable_depth.notnull().all()
