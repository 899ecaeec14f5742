"""Train the networks of one grid point fully."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.train_network import train_network

    train_network(job)


run(snakemake, main)
