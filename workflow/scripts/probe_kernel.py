"""Probe one random network by the kernel cascade: states in, curves out."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.probe_kernel import probe_kernel

    probe_kernel(job)


run(snakemake, main)
