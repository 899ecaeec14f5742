"""Merge the reduced probes of all columns with the ground truth of their experiment."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.probing_budget.merge_probing_budget import merge_probing_budget

    merge_probing_budget(job)


run(snakemake, main)
