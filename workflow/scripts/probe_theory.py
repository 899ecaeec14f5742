"""What theory says of the probe of one point: curves without any network."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.probe_theory import probe_theory

    probe_theory(job)


run(snakemake, main)
