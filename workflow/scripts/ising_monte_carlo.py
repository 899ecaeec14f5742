"""Estimate the first decimation of large square lattices at one coupling."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.ising.ising_monte_carlo import ising_monte_carlo

    ising_monte_carlo(job)


run(snakemake, main)
