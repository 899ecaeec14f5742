"""Merge the results of all points of one (dataset, architecture) into a cube."""

from pathlib import Path

from infoflow.cubes import merge_cube, write_cube
from infoflow.evaluation import PICTURES
from infoflow.joblog import job_log
from infoflow.provenance import software
from infoflow.record import add_costs, probing_to_training
from infoflow.store import read_attributes, read_results


def main(
    *,
    results: dict[str, list[str]],
    datasets: list[str],
    made_by: dict[str, dict],
    output: str,
    config: dict,
    code: str,
    **options,
) -> None:
    # All at once, so that one message names all that are damaged.
    wanted = {f: made_of(f, made_by[name]) for name, files in results.items() for f in files}
    read = read_results(wanted, skip=PICTURES)
    found = {name: {Path(f).stem: read[f] for f in files} for name, files in results.items()}
    cost = add_costs(
        [*map(read_attributes, datasets), *(r.attributes for part in found.values() for r in part.values())]
    )
    cube = merge_cube(
        found.pop("evaluations"),
        found.pop("trainings", {}),
        predictors=found.pop("predictors", None),
        beside=found,
        seed=config["run"]["seed"],
        attributes={
            "title": config["run"]["name"],
            "config": config,
            "parameters": {**made_by, "merge_cube": code},
            "cost": cost,
            "probing_to_training": probing_to_training(cost),
            **software(),
        },
        **options,
    )
    write_cube(cube, output)


def made_of(path: str, parameters: dict) -> dict:
    """The parameters of one file: of those that differ from point to point, its own."""
    depths = parameters.get("depths")
    return parameters | {"depths": depths[Path(path).stem]} if depths else parameters


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        results={name: snakemake.input.get(name) for name in snakemake.params.made_by},
        datasets=snakemake.input.datasets,
        output=snakemake.output[0],
        config=snakemake.config,
        **dict(snakemake.params.items()),
    )
