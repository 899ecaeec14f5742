"""Read off which initialisation to take."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.recommendation.recommend import recommend

    recommend(job)


run(snakemake, main)
