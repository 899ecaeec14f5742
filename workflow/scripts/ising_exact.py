"""Decimate the one- or the two-dimensional Ising model exactly."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.ising.ising_exact import ising_exact

    ising_exact(job)


run(snakemake, main)
