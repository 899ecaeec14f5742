"""The archive of the tiny grid: made once, verified, and run again from what is in it."""

import os
import subprocess
import sys
import zipfile

from runs import CUBE, TINY, Checkout


def verify(checkout, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "infoflow.archive.verify", "results/archive/tiny.zip", *arguments],
        cwd=checkout.root,
        env=os.environ | {"PYTHONPATH": str(checkout.root / "workflow/src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_a_run_is_archived_verified_and_run_again(whole, tmp_path):
    assert whole.plan("archive") == {"archive": 1}
    whole.run("archive")
    assert whole.plan("archive") == {}
    assert whole.plan() == {}
    intact, difference = verify(whole, "--config", "tiny.yaml")
    assert "whole; SHA-256 " in intact
    assert difference == "nothing differs from the present code, config and software"

    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(whole.root / "results/archive/tiny.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(unpacked)
    check = ["sha256sum", "--check", "--strict", "--quiet", "checksums.sha256"]
    subprocess.run(check, cwd=unpacked, check=True)
    # of all studies, but the leaderboard, which is that of one experiment, and made on demand
    for folder, number in (("cubes", 7), ("figures", 3 * 31)):
        archived = {path.relative_to(unpacked).as_posix() for path in unpacked.glob(f"{folder}/**/*.*")}
        made = {
            path.relative_to(whole.root / "results").as_posix() for path in whole.root.glob(f"results/{folder}/**/*.*")
        }
        assert archived == {path for path in made if "leaderboard" not in path}
        assert len(archived) == number
    page = (unpacked / "explorer.html").read_bytes()
    assert page == (whole.root / "results/explorer.html").read_bytes()
    assert b"digits" in page
    from_archive = Checkout.at(unpacked / "source")
    planned = from_archive.plan("all_cubes", config="../config.json")
    assert planned["probe_cascade"] == planned["probe_kernel"] == 2
    assert planned["train_network"] == 4
    assert planned["merge_cube"] == 1
    assert planned["ising_monte_carlo"] == planned["network_entropy"] == planned["train_snapshots"] == 2

    # one name of a run, one archive; what is in it follows the source and the config
    (whole.root / "workflow/report/cost.rst").write_text("Another caption.")
    whole.configure_all(run=TINY["run"] | {"keep_reconstructions": False})
    assert whole.plan("archive") == {"archive": 1}
    assert verify(whole, "--config", "tiny.yaml")[1:] == [
        "source: workflow/report/cost.rst: changed",
        "config: run.keep_reconstructions: true → false",
    ]


def test_the_name_of_a_run_is_that_of_its_archive_and_of_nothing_beside_it(again):
    again.configure(run=TINY["run"] | {"name": "../Other name"})
    again.run(CUBE)
    # the figures, which bear the name as well, do not matter here
    again.take_figures_as_drawn()
    again.run("archive", "--rerun-triggers", "mtime")
    assert [path.name for path in (again.root / "results/archive").iterdir()] == ["Other-name.zip"]


def test_a_damaged_cube_is_not_archived(again):
    cube = again.root / CUBE
    times = cube.stat().st_atime_ns, cube.stat().st_mtime_ns
    cube.write_bytes(cube.read_bytes()[:-500])
    os.utime(cube, ns=times)
    done = again.snakemake("archive")
    assert done.returncode != 0
    assert f"error: {CUBE}: not a whole cube" in done.stdout + done.stderr
    assert not list(again.root.glob("results/archive/*"))


def test_the_archive_belongs_to_no_other_target(checkout):
    assert "archive" not in checkout.plan()
