"""Files of HDF5 where they cannot be locked.

The HDF5 library locks what it opens, even to read. Network file systems may have no locks (NFS, Lustre without
`flock`), and a notebook that has a file open to write keeps others out; the library then says "HDF error" and no more.
"""

from pathlib import Path

import netCDF4

REMEDY = "where a file system has no locks, set the environment variable HDF5_USE_FILE_LOCKING=FALSE"
"""Part of a message; `jobs.job` does it for all jobs."""


def open_unlocked(path: str | Path) -> netCDF4.Dataset:
    """Open a file to read; if the library refuses, its contents from memory, which takes no lock.

    Raises:
        OSError: it cannot be read, or is no file of HDF5.
    """
    try:
        return netCDF4.Dataset(path)
    except OSError:
        contents = Path(path).read_bytes()
        return netCDF4.Dataset("contents", memory=contents)
