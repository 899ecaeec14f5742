"""Merge the results of all points of one (dataset, architecture) into a cube."""

from pathlib import Path

from infoflow.cubes import merge_cube, write_cube
from infoflow.joblog import job_log
from infoflow.provenance import software
from infoflow.store import read_result


def main(*, evaluations: list[str], trainings: list[str], output: str, config: dict, code: str, **options) -> None:
    cube = merge_cube(
        {Path(f).stem: read_result(f) for f in evaluations},
        {Path(f).stem: read_result(f) for f in trainings},
        seed=config["run"]["seed"],
        attributes={"title": config["run"]["name"], "config": config, "code_merge_cube": code, **software()},
        **options,
    )
    write_cube(cube, output)


with job_log(snakemake.log[0]):
    main(
        evaluations=snakemake.input.evaluations,
        trainings=snakemake.input.get("trainings", []),
        output=snakemake.output[0],
        config=snakemake.config,
        **snakemake.params,
    )
