"""Draw one figure of one experiment."""

from infoflow.jobs.job import run


def main(job):
    from infoflow.studies.trainability.draw_figure import draw_figure

    draw_figure(job)


run(snakemake, main)
