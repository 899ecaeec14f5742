"""Merge the reduced probes of all columns with the ground truth of their experiment."""

from pathlib import Path

from infoflow.budget_cube import merge_budget
from infoflow.cubes import read_cube
from infoflow.joblog import job_log
from infoflow.provenance import software
from infoflow.record import add_costs, check_parameters
from infoflow.store import read_attributes, read_results
from infoflow.study import write_study


def main(*, points: list[str], truth: str, prepared: str, made_by: dict, output: str, rule: str, config: dict) -> None:
    results = read_results(dict.fromkeys(points, made_by["points"]))
    cube = read_cube(truth)
    check_parameters(truth, cube.attrs, made_by["truth"])
    merged = merge_budget(
        {Path(path).stem: result for path, result in results.items()},
        cube,
        axes=made_by["axes"],
        methods=list(made_by["points"]["probes"]),
        budget=made_by["points"]["budget"],
        seed=made_by["points"]["run"]["seed"],
        attributes={
            "title": config["run"]["name"],
            "experiment": made_by["experiment"],
            "config": config,
            "parameters": made_by,
            "cost": add_costs([read_attributes(prepared), *(result.attributes for result in results.values())]),
            **software(),
        },
    )
    write_study(merged, output, rule)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        points=snakemake.input.points,
        truth=snakemake.input.truth,
        prepared=snakemake.input.dataset,
        made_by=snakemake.params.made_by,
        output=snakemake.output[0],
        rule=snakemake.rule,
        config=snakemake.config,
    )
