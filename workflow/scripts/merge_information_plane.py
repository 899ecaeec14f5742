"""Merge what was measured of all networks of the information plane into a cube."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.information_plane.merge_information_plane import merge_information_plane

    merge_information_plane(job)


run(snakemake, main)
