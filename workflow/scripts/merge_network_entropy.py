"""Merge the relative entropies through the networks of all points into a cube."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.network_entropy.merge_network_entropy import merge_network_entropy

    merge_network_entropy(job)


run(snakemake, main)
