"""Draw one figure of one study."""

from infoflow.figures.draw_study import draw_study
from infoflow.joblog import job_log


def main(*, cube: str, output: list[str], figure: str) -> None:
    draw_study(figure, cube, output)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(cube=snakemake.input.cube, output=list(snakemake.output), figure=snakemake.params.figure)
