"""Merge the results of all points of one experiment into a cube."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.merge_cube import merge_cube

    merge_cube(job)


run(snakemake, main)
