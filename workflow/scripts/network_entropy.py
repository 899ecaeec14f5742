"""Relative entropy through the networks of one point."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.network_entropy.network_entropy import network_entropy

    network_entropy(job)


run(snakemake, main)
