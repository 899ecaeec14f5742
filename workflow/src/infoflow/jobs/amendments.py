"""What the workflow changes in Snakemake: the one list, and why is said where it leads to.

Snakemake's version is pinned, and a test of each looks at what it changes. Standard library only: the workflow imports
this when it is parsed.
"""

from infoflow.jobs import forkserver, notes, paths, slurm


def amend_snakemake() -> None:
    """Change the Snakemake that runs here; a second time changes nothing."""
    notes.read_marks()
    slurm.repair_arrays()
    paths.repair_scripts()
    forkserver.fork_scripts()
