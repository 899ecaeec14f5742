"""Merge the results of all points of one (dataset, architecture) into a cube."""

from pathlib import Path

from infoflow.cubes import merge_cube, write_cube
from infoflow.evaluation import PICTURES
from infoflow.joblog import job_log
from infoflow.provenance import software
from infoflow.store import Result, read_result


def read(files: list[str]) -> dict[str, Result]:
    return {Path(f).stem: read_result(f, skip=PICTURES) for f in files}


def main(
    *,
    evaluations: list[str],
    trainings: list[str],
    beside: dict[str, list[str]],
    output: str,
    config: dict,
    code: str,
    **options,
) -> None:
    cube = merge_cube(
        read(evaluations),
        read(trainings),
        beside={method: read(files) for method, files in beside.items()},
        seed=config["run"]["seed"],
        attributes={"title": config["run"]["name"], "config": config, "code_merge_cube": code, **software()},
        **options,
    )
    write_cube(cube, output)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        evaluations=snakemake.input.evaluations,
        trainings=snakemake.input.get("trainings", []),
        beside={method: snakemake.input.get(method) for method in snakemake.params.beside},
        output=snakemake.output[0],
        config=snakemake.config,
        **{k: v for k, v in snakemake.params.items() if k != "beside"},
    )
