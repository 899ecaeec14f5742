"""Explain the decisions of the trained networks of one grid point."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.explain_decisions import explain_decisions

    explain_decisions(job)


run(snakemake, main)
