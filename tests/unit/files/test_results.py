import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import netCDF4
import numpy as np
import pytest
import xarray as xr

from common import noisy_copies
from infoflow.errors import InfoflowError
from infoflow.files.results import read_attributes, read_result, read_results, replaced, write_result
from infoflow.jobs.record import describe_job

ABOUT = {"long_name": "numbers", "units": "1"}


def write(path, size=1000):
    values = np.random.default_rng(0).random((size, 10)).astype(np.float32)
    write_result(path, {"values": (("row", "column"), values, ABOUT)}, {"seconds": 1.5})
    return values


def test_round_trip(tmp_path):
    values = write(tmp_path / "deep/down/a.nc")
    result = read_result(tmp_path / "deep/down/a.nc")
    assert np.array_equal(result["values"], values)
    assert result.attributes["seconds"] == 1.5


def test_values_are_stored_as_given_whatever_their_scale_factor(tmp_path):
    levels = np.arange(17, dtype=np.uint8)
    write_result(tmp_path / "a.nc", {"v": (("x",), levels, {**ABOUT, "scale_factor": 1 / 16})}, {})
    assert np.array_equal(read_result(tmp_path / "a.nc")["v"], levels)
    with netCDF4.Dataset(tmp_path / "a.nc") as file:  # what other readers see
        assert np.array_equal(file["v"][...], levels / 16)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    values = write(tmp_path / "a.nc")

    def fail():
        with replaced(tmp_path / "a.nc") as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]
    assert np.array_equal(read_result(tmp_path / "a.nc")["values"], values)


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(tmp_path):
    # a limit on the size of files fails a write like a full disk does
    script = """
        import resource, signal, sys
        import numpy as np
        from infoflow.files.results import write_result
        from infoflow.errors import InfoflowError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        values = np.random.default_rng(0).random(10**6)
        try:
            write_result(sys.argv[1], {"v": (("x",), values, {})}, {})
        except InfoflowError as error:
            print(error)
    """
    done = run_python(script, tmp_path / "a.nc")
    assert done.returncode == 0, done.stderr
    assert "a.nc: cannot be written" in done.stdout
    assert "disk full" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_killed_job_leaves_no_result_and_its_leftover_is_cleared(tmp_path):
    script = """
        import os, signal, sys
        from infoflow.files.results import replaced
        with replaced(sys.argv[1]) as temporary:
            temporary.write_bytes(b"half a result")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run_python(script, tmp_path / "a.nc").returncode == -signal.SIGKILL
    (leftover,) = tmp_path.iterdir()
    assert leftover.name.startswith(".a.nc.")
    write(tmp_path / "a.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]


def run_python(script: str, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("damage", ["truncate", "noise", "text", "missing"])
def test_damaged_results_are_refused_by_name(tmp_path, damage):
    path = tmp_path / "a.nc"
    write(path)
    whole = path.read_bytes()
    if damage == "truncate":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "noise":  # in the middle of the data: only the checksum can tell
        noise = np.random.default_rng(1).bytes(200)
        path.write_bytes(whole[: len(whole) // 2] + noise + whole[len(whole) // 2 + 200 :])
    elif damage == "text":
        path.write_text("not a result")
    else:
        path.unlink()
    with pytest.raises(InfoflowError, match=r"a\.nc: not a whole result file .* delete it and run again"):
        read_result(path)


def test_what_is_not_wanted_is_not_read(tmp_path):
    write(tmp_path / "a.nc")
    names = set(read_result(tmp_path / "a.nc").variables)
    assert set(read_result(tmp_path / "a.nc", skip={"values"}).variables) == names - {"values"}


def test_noise_anywhere_in_a_result_is_found_or_changes_nothing(tmp_path):
    path = tmp_path / "a.nc"
    variables = {
        "values": (("row", "column"), np.random.default_rng(0).random((40, 10)).astype(np.float32), ABOUT),
        "flags": (("row",), np.arange(40, dtype=np.int8), {**ABOUT, "flag_values": np.arange(40, dtype=np.int8)}),
        "scalar": ((), np.float64(1.5), ABOUT),
    }
    write_result(path, variables, {"seconds": 1.5, "text": "x" * 3000, "names": ["a", "b"]})
    # never other contents, and no other exception: both would fail here
    refused = 0
    for _ in noisy_copies(path, 400):
        try:
            found = read_result(path)
        except InfoflowError as error:
            assert str(error).startswith(f"{path}: not a whole result file (")  # noqa: PT017
            refused += 1
            continue
        assert list(found.variables) == list(variables)
        assert all(np.array_equal(found[name], variables[name][1]) for name in variables)
        assert found.attributes == {"seconds": 1.5, "text": "x" * 3000, "names": ["a", "b"]}
    assert refused > 390


def test_a_seal_is_invisible_to_other_readers(tmp_path):
    values = write(tmp_path / "a.nc")
    assert (tmp_path / "a.nc").read_bytes()[-100:].splitlines()[-1].endswith(b" a.nc")
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert np.array_equal(file["values"][...], values)
        assert file.seconds == 1.5
    with xr.open_dataset(tmp_path / "a.nc") as data:
        assert np.array_equal(data["values"], values)


def test_a_copy_of_another_result_is_refused_by_name(tmp_path):
    write(tmp_path / "a.nc")
    shutil.copy2(tmp_path / "a.nc", tmp_path / "b.nc")
    for read in (read_result, read_attributes):
        with pytest.raises(InfoflowError, match=r"b\.nc: not a whole result file \(it is a copy of a\.nc\); delete it"):
            read(tmp_path / "b.nc")
    # where it lies does not matter: results may be moved, and shared between runs
    (tmp_path / "deep").mkdir()
    shutil.copy2(tmp_path / "a.nc", tmp_path / "deep/a.nc")
    assert read_result(tmp_path / "deep/a.nc")["values"].shape == (1000, 10)


def test_all_results_that_cannot_be_merged_are_named_in_one_message(tmp_path):
    paths = [tmp_path / f"{name}.nc" for name in "abcdef"]
    for path in paths:
        parameters = {"rate": 0.2 if path.stem == "e" else 0.1}
        write_result(path, {"v": (("x",), np.arange(9.0), ABOUT)}, describe_job("train_network", parameters))
    wanted = {path: {"rate": 0.1} for path in paths}
    assert list(read_results({path: wanted[path] for path in paths[:4]})) == [str(p) for p in paths[:4]]
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    shutil.copy2(paths[0], paths[2])
    paths[5].unlink()
    with pytest.raises(InfoflowError) as refused:
        read_results(wanted)
    named = str(refused.value).removeprefix("4 results are damaged or out of date; delete them and run again: ")
    assert named.split() == [str(paths[k]) for k in (1, 2, 4, 5)]
    many = {tmp_path / f"{k}.nc": {} for k in range(100)}
    with pytest.raises(InfoflowError) as refused:
        read_results(many)
    assert str(refused.value).split()[-100:] == [str(path) for path in many]


@pytest.fixture
def held(tmp_path):
    """A result that another process could be writing: nobody else gets a lock."""
    write(tmp_path / "a.nc")
    with open(tmp_path / "a.nc", "rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield tmp_path / "a.nc"


def test_a_file_that_cannot_be_locked_is_read(held):
    assert read_result(held).variables.keys() == {"values"}
    assert read_attributes(held)


def test_a_whole_file_that_cannot_be_read_is_not_to_be_deleted(tmp_path, monkeypatch):
    for name in ("a.nc", "b.nc"):
        write(tmp_path / name)

    def refuse(*_, **__):
        raise OSError(-101, "NetCDF: HDF error")

    monkeypatch.setattr("infoflow.files.locks.netCDF4.Dataset", refuse)
    with pytest.raises(InfoflowError, match=r"a.nc: is whole, .*HDF error.*: keep it; .*LOCKING=FALSE") as refused:
        read_result(tmp_path / "a.nc")
    with pytest.raises(InfoflowError, match="2 results cannot be used; first .*a.nc: is whole") as both:
        read_results({tmp_path / "a.nc": {}, tmp_path / "b.nc": {}})
    assert "delete" not in f"{refused.value}{both.value}"


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOLCK, errno.EIO, errno.ESTALE, 524])
def test_a_disk_that_fails_says_nothing_about_the_file(tmp_path, monkeypatch, number):
    write(tmp_path / "a.nc")

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("infoflow.files.results.open", refuse, raising=False)
    with pytest.raises(InfoflowError, match=r"a.nc: cannot be read \(.*: keep it") as refused:
        read_result(tmp_path / "a.nc")
    assert "delete" not in str(refused.value)
