"""Merge the results of the Ising models of one dimension into a cube."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.ising.merge_ising import merge_ising

    merge_ising(job)


run(snakemake, main)
