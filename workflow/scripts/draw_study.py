"""Draw one figure of one study."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.figures.draw_study import draw_study

    draw_study(job)


run(snakemake, main)
