"""Fit the rule of check."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.check_calibration.calibrate_check import calibrate_check

    calibrate_check(job)


run(snakemake, main)
