"""Score the untrained networks of one column with the cheap predictors."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.score_predictor import score_predictor

    score_predictor(job)


run(snakemake, main)
