"""Measure and train the networks of a family."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.check_calibration.try_networks import try_networks

    try_networks(job)


run(snakemake, main)
