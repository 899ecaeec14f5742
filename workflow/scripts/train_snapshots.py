"""Train all replicas of one network of the information plane, and keep them as they were at the snapshots."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.information_plane.train_snapshots import train_snapshots

    train_snapshots(job)


run(snakemake, main)
