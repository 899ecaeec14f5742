"""Archive a run: all cubes, figures, config and source in one zip file."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.archive.archive import archive

    archive(job)


run(snakemake, main)
