"""Measure what every layer of one network of the information plane knows at its snapshots."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.information_plane.measure_information import measure_information

    measure_information(job)


run(snakemake, main)
