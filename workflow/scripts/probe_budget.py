"""Probe one random network with parts of the steps, of the samples and of the width."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.probing_budget.probe_budget import probe_budget

    probe_budget(job)


run(snakemake, main)
