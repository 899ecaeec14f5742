"""A job: what the workflow tells it, and what it tells its user.

Standard library only: every script imports this.
"""

import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infoflow.errors import InfoflowError
from infoflow.jobs.record import describe_job


@dataclass(frozen=True)
class Job:
    """One job of a rule.

    Attributes:
        rule: its name.
        parameters: all that the result depends on; recorded in it, and compared by whoever reads it.
        inputs: files by name; a name can have several.
        outputs: files, in the order of the rule.
        wildcards: of the rule.
        threads: CPU threads.
        config: the whole config, for its `data_root`; results depend on parameters alone.
    """

    rule: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()
    wildcards: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    config: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    @property
    def output(self) -> str:
        """The first output."""
        return self.outputs[0]

    def files(self, name: str) -> list[str]:
        """Input files of a name, none if there is no such input."""
        found = self.inputs.get(name, [])
        return [found] if isinstance(found, str) else list(found)

    def about(self) -> dict[str, str]:
        """What the result records of the job."""
        return describe_job(self.rule, self.parameters)


def run(snakemake: Any, main: Callable[[Job], None]) -> None:
    """Run a job of Snakemake: the one place that knows its names. Ends the process, see `job_log`."""
    with job_log(snakemake.log[0], snakemake.scriptdir):
        main(
            Job(
                rule=snakemake.rule,
                parameters=snakemake.params.job,
                inputs=dict(snakemake.input.items()),
                outputs=list(snakemake.output),
                wildcards=dict(snakemake.wildcards.items()),
                threads=snakemake.threads,
                config=snakemake.config,
            )
        )


@contextmanager
def job_log(path: str | Path, scripts: str | Path) -> Iterator[None]:
    """Send the log messages of the block to `path`; an exception ends the process with exit status 1.

    Jobs import heavy libraries inside the block: a failure is then in the log, and the import of torch is a tenth
    faster, because garbage is looked for less often.

    Args:
        path: the log file.
        scripts: directory of the scripts of the workflow that runs the job.

    An InfoflowError is told in its one line, anything else with its traceback in the log. Success ends the process too:
    nothing is left to do, and torch takes a third of a second to tear down what the system frees at once.
    """
    gc.set_threshold(100_000)
    # Results are written beside their place and never changed, so that they need no locks, which NFS may not have. HDF5
    # looks once, when it is imported.
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    logging.raiseExceptions = False  # on a full disk, a traceback for every line would hide the one that counts
    logging.basicConfig(
        filename=path,
        filemode="w",
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    logger = logging.getLogger("infoflow")
    try:
        package, expected = Path(__file__).resolve().parents[1], Path(scripts).resolve().parent / "src/infoflow"
        if package != expected:
            raise InfoflowError(
                f"infoflow is installed from {package}, but this workflow has its own in {expected}, which its "
                "results would be attributed to; run it in an environment without infoflow, or in the one that "
                "`make setup` makes here"
            )
        yield
        logger.info("done")
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    except InfoflowError as error:
        logger.error("error: %s", error)
        sys.exit(f"error: {error}")
    except Exception as error:
        if _is_of_memory(error):
            told = " ".join(str(error).split())[:300] or type(error).__name__
            logger.exception("error: out of memory")
            sys.exit(
                f"error: out of memory ({told}); choose smaller images, a smaller width, fewer replicas, or a machine "
                f"with more, on a cluster by mem_mb in the profile; the traceback is in {path}"
            )
        logger.exception("unexpected error")
        sys.exit(f"unexpected error: {error!r}; the traceback is in {path}")


def _is_of_memory(error: Exception) -> bool:
    """Whether it is what Python, NumPy, or torch on a CPU or a GPU says when it gets no more memory."""
    told = str(error).lower()
    said = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, MemoryError) or any(text in told for text in said)
