"""Jobs begin within milliseconds: forked from a process that has the large libraries imported.

Importing torch takes longer than most points take to compute. The second job of a run starts a process of its own that
imports what jobs need of others' libraries, nothing of this project, and then forks once per job; the first one, the
only one of a run on a compute node of a cluster, starts as ever. Python's own `multiprocessing` has such a process too;
its children cannot be waited for by several threads at a time, and say nothing of what they took.

Standard library only, for this file is both: the workflow imports it when it is parsed, and the process runs it.
"""

import contextlib
import json
import logging
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

logger = logging.getLogger(__name__)

OFF = "INFOFLOW_FORK"
"""Environment variable; 0: every job starts a Python of its own."""
LIBRARIES = ("snakemake.script", "numpy", "netCDF4", "torch", "xarray", "matplotlib.pyplot", "scipy.special")
"""What most jobs import."""
_THREADS = tuple(f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "GOTO", "MKL", "NUMEXPR"))
_TEMPORARY = ("TMPDIR", "TMP", "TEMPDIR", "TEMP")
_LARGEST = 1 << 16
"""Bytes of an order."""


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Attributes:
        code: 0: well; negative: minus the number of the signal that ended it.
        seconds: of a clock.
        cpu_seconds: of all its threads.
        memory_mb: the largest that was resident.
    """

    code: int
    seconds: float
    cpu_seconds: float
    memory_mb: float


class ForkServer:
    """The process, as its only client sees it. May be used from several threads.

    Args:
        libraries: to import at first; those that are not there are left out.
    """

    def __init__(self, libraries: Sequence[str] = LIBRARIES):
        self._libraries = libraries
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._orders: socket.socket | None = None

    def run(self, script: str, environment: Mapping[str, str]) -> Ended:
        """Run a Python script here, as `__main__`; its environment is this one, with some variables changed.

        Raises:
            ConnectionError: the server was ended from outside, so that nobody knows how the job went.
        """
        order = {"script": script, "directory": os.getcwd(), "environment": dict(environment)}
        ours, theirs = socket.socketpair()
        with ours, ours.makefile("r") as answer:
            with theirs, self._lock:
                try:
                    socket.send_fds(self._running(), [json.dumps(order).encode()], [theirs.fileno()])
                except BrokenPipeError:  # it has just been ended
                    self._process.wait()
                    socket.send_fds(self._running(), [json.dumps(order).encode()], [theirs.fileno()])
            line = answer.readline()
        if not line:
            raise ConnectionError(f"the process that starts the jobs was ended while {script} ran")
        return Ended(**json.loads(line))

    def close(self) -> None:
        """End the process. Jobs that it started go on."""
        with self._lock:
            if self._process is not None:
                self._orders.close()
                self._process.wait()
                self._process = None

    def _running(self) -> socket.socket:
        """Where it takes orders; started, if it does not run."""
        if self._process is None or self._process.poll() is not None:
            self._orders, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
            one = dict.fromkeys(_THREADS, "1")
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", __file__, str(theirs.fileno()), *self._libraries],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    # HDF5 looks for it when it is imported: see `job.job_log`
                    env={**os.environ, **one, "HDF5_USE_FILE_LOCKING": "FALSE"},
                )
        return self._orders


def fork_scripts(module: ModuleType | None = None, server: ForkServer | None = None) -> None:
    """Let Snakemake fork its jobs, if the system can: Linux, and no environment variable `INFOFLOW_FORK=0`.

    As before starts what is run in an environment of its own, by conda or a container, and what has several threads,
    whose number the libraries want to know when they are imported.

    Args:
        module: Snakemake's of scripts; by default the one that it has imported.
        server: that forks them.
    """
    module = module or sys.modules.get("snakemake.script")
    script = getattr(module, "PythonScript", None)
    execute = getattr(script, "execute_script", None)
    if execute is None or hasattr(execute, "forks") or os.environ.get(OFF) == "0" or not _can_wait():
        return
    server = server or ForkServer()
    lock, begun = threading.Lock(), iter(range(sys.maxsize))

    def execute_script(self: Any, fname: str, edit: bool = False) -> None:
        elsewhere = self.conda_env or self.env_modules or self.container_img or self.shadow_dir
        special = edit or elsewhere or self.threads != 1 or self.resources.get("shell_exec")
        with lock:
            first = not special and next(begun) == 0
        if special or first:
            return execute(self, fname, edit=edit)
        folder = self.resources.get("tmpdir")
        command = f"{sys.executable} {fname}"
        try:
            ended = server.run(fname, dict.fromkeys(_TEMPORARY, str(folder)) if folder else {})
        except ConnectionError as error:
            logger.error("error: %s; it may go on, but counts as failed", error)
            raise subprocess.CalledProcessError(-signal.SIGKILL, command) from None
        if self.bench_record is not None:
            _note(ended, self.bench_record)
        if ended.code:
            raise subprocess.CalledProcessError(ended.code, command)
        return None

    execute_script.forks = True
    script.execute_script = execute_script


def _note(ended: Ended, record: Any) -> None:
    """Into Snakemake's table of benchmarks, which otherwise looks at the job twice a second."""
    record.running_time, record.max_rss, record.cpu_time = ended.seconds, ended.memory_mb, ended.cpu_seconds
    record.cpu_usage = 100 * ended.cpu_seconds
    record.data_collected = True


def _can_wait() -> bool:
    """Whether the system tells when a process ends in a way that a loop can wait for."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


# --- the process


def _serve(orders: socket.socket) -> None:
    """Fork as ordered, and say how each job ended, until nobody is left who could order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the jobs
    running: dict[int, tuple[int, socket.socket, float]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(orders, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is orders:
                    message, (*files,), _, _ = socket.recv_fds(orders, _LARGEST, 1)
                    if not message:
                        return
                    answer = socket.socket(fileno=files[0])
                    if (job := os.fork()) == 0:
                        for file in (selector, orders, answer, *(other for _, other, _ in running.values())):
                            file.close()
                        for file in running:
                            os.close(file)
                        _work(**json.loads(message))
                    ends = os.pidfd_open(job)
                    running[ends] = job, answer, time.monotonic()
                    selector.register(ends, selectors.EVENT_READ)
                else:
                    selector.unregister(key.fileobj)
                    job, answer, started = running.pop(key.fileobj)
                    os.close(key.fileobj)
                    _, status, used = os.wait4(job, 0)
                    ended = Ended(
                        os.waitstatus_to_exitcode(status),
                        time.monotonic() - started,
                        used.ru_utime + used.ru_stime,
                        used.ru_maxrss / 1024,
                    )
                    with answer, contextlib.suppress(OSError):  # who ordered it may have ended
                        answer.sendall(json.dumps(vars(ended)).encode() + b"\n")


def _work(script: str, directory: str, environment: dict[str, str]) -> None:
    """Run a script as Python would that is started for it; ends the process."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(directory)
        os.environ.update(environment)
        tempfile.tempdir = None
        sys.argv = [script]
        sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
        runpy.run_path(script, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _main(number: str, *libraries: str) -> None:
    for name in libraries:
        try:
            __import__(name)
        except ImportError:  # the job that needs it says so
            logger.debug("%s is not there", name)
    _serve(socket.socket(fileno=int(number)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
