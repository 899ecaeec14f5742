"""Load a data set, check its files, fix its split and evaluation order."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.datasets.prepare_dataset import prepare_dataset

    prepare_dataset(job)


run(snakemake, main)
