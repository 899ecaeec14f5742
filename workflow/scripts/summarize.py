"""Sum up a run: the page that a reader begins with, and the lines that the terminal ends with."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.summary.summarize import summarize

    summarize(job)


run(snakemake, main)
