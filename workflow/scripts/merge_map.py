"""Merge the cubes of some experiments into one map."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.maps.merge_map import merge_map

    merge_map(job)


run(snakemake, main)
