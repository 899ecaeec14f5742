"""What a job tells its user: progress in its log file, and one clear line when it fails."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infoflow.errors import InfoflowError


@contextmanager
def job_log(path: str | Path) -> Iterator[None]:
    """Send the log messages of the block to `path`; an exception ends the process with exit status 1.

    An InfoflowError is told in its one line, anything else with its traceback in the log.
    """
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
        yield
        logger.info("done")
    except InfoflowError as error:
        logger.error("error: %s", error)
        sys.exit(f"error: {error}")
    except Exception as error:
        logger.exception("unexpected error")
        sys.exit(f"unexpected error: {error!r}; the traceback is in {path}")
