"""Evaluate the reconstructions of one probe: entropies, explained variance, saturation depth."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.evaluate_kl import evaluate_kl

    evaluate_kl(job)


run(snakemake, main)
