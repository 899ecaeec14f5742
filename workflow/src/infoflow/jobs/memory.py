"""The memory of this machine. Standard library only: every parse of the workflow imports this."""

import os


def memory() -> int | None:
    """Bytes of it; None, where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
