"""Judge all predictors of trainability by the ground truth of several cubes: a cube, and tables of it."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.leaderboard.build_leaderboard import build_leaderboard

    build_leaderboard(job)


run(snakemake, main)
