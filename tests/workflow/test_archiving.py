"""The archive of the tiny grid: made once, verified, and run again from what is in it."""

import os
import subprocess
import sys
import zipfile

RUN = {"name": "tiny", "replicas": 2}
"""Of the tiny grid."""


def verify(checkout, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "infoflow.verify", "results/archive/tiny.zip", *arguments],
        cwd=checkout.root,
        env=os.environ | {"PYTHONPATH": str(checkout.root / "workflow/src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_a_run_is_archived_verified_and_run_again(again, tmp_path):
    assert again.plan("archive") == {"archive": 1}
    again.run("archive")
    assert again.plan("archive") == {}
    assert again.plan() == {}
    whole, difference = verify(again, "--config", "tiny.yaml")
    assert "whole; SHA-256 " in whole
    assert difference == "nothing differs from the present code, config and software"

    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(again.root / "results/archive/tiny.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(unpacked)
    check = ["sha256sum", "--check", "--strict", "--quiet", "checksums.sha256"]
    subprocess.run(check, cwd=unpacked, check=True)
    figures = {path.relative_to(unpacked).as_posix() for path in unpacked.glob("figures/*/*")}
    assert figures == {
        path.relative_to(again.root / "results").as_posix() for path in again.root.glob("results/figures/*/*")
    }
    from_archive = object.__new__(type(again))
    from_archive.root = unpacked / "source"
    planned = from_archive.plan("all_cubes", config="../config.json")
    assert planned["probe_cascade"] == planned["probe_ridge"] == 2
    assert planned["train_network"] == 4
    assert planned["merge_cube"] == 1

    # one name of a run, one archive; what is in it follows the source and the config
    (again.root / "workflow/report/cost.rst").write_text("Another caption.")
    again.configure(run=RUN | {"keep_reconstructions": False})
    assert again.plan("archive") == {"archive": 1}
    assert verify(again, "--config", "tiny.yaml")[1:] == [
        "source: workflow/report/cost.rst: changed",
        "config: run.keep_reconstructions: true → false",
    ]
    again.configure(run=RUN | {"name": "../Other name"})
    again.run("archive")
    assert (again.root / "results/archive/Other-name.zip").exists()


def test_a_damaged_cube_is_not_archived(again):
    cube = again.root / "results/cubes/digits_mlp.nc"
    times = cube.stat().st_atime_ns, cube.stat().st_mtime_ns
    cube.write_bytes(cube.read_bytes()[:-500])
    os.utime(cube, ns=times)
    done = again.snakemake("archive")
    assert done.returncode != 0
    assert "error: results/cubes/digits_mlp.nc: not a whole cube" in done.stdout + done.stderr
    assert not list(again.root.glob("results/archive/*"))


def test_the_archive_belongs_to_no_other_target(checkout):
    assert "archive" not in checkout.plan()
