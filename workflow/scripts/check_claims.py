"""Decide the claims from the cubes of the run."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.claims.check_claims import check_claims

    check_claims(job)


run(snakemake, main)
