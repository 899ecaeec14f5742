"""Probe one random network: find its reconstruction networks and reconstruct the evaluation set."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.probe_cascade import probe_cascade

    probe_cascade(job)


run(snakemake, main)
