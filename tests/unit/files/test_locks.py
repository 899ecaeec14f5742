import fcntl

import netCDF4
import pytest

from infoflow.files.locks import open_unlocked


def test_what_cannot_be_locked_is_read_from_memory(tmp_path):
    path = tmp_path / "a.h5"
    with netCDF4.Dataset(path, "w") as file:
        file.title = "a"
    with path.open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="HDF error"):
            netCDF4.Dataset(path)
        with open_unlocked(path) as file:
            assert file.title == "a"
    path.write_bytes(b"something else")
    with pytest.raises(OSError, match="NetCDF"):
        open_unlocked(path)
    with pytest.raises(FileNotFoundError):
        open_unlocked(tmp_path / "none.h5")
