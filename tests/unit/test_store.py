import os
import signal
import subprocess
import sys
import textwrap

import netCDF4
import numpy as np
import pytest

from infoflow.errors import InfoflowError
from infoflow.store import read_result, replaced, write_result

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
        from infoflow.store import write_result
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
        from infoflow.store import replaced
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
