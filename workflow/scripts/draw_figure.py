"""Draw one figure of one experiment."""

from infoflow.figures.draw import draw_figure
from infoflow.grid import Experiment
from infoflow.joblog import job_log


def main(*, cube: str, probes: list[str], output: list[str], figure: str, experiment: dict) -> None:
    draw_figure(figure, cube, Experiment(**experiment), probes, output)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        cube=snakemake.input.cube,
        probes=snakemake.input.get("probes", []),
        output=list(snakemake.output),
        figure=snakemake.params.figure,
        experiment=snakemake.params.experiment,
    )
