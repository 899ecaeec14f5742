"""Merge the relative entropies through the networks of all points into a cube."""

from pathlib import Path

from infoflow.joblog import job_log
from infoflow.network_cube import merge_entropy
from infoflow.provenance import software
from infoflow.record import add_costs
from infoflow.store import read_attributes, read_results
from infoflow.study import write_study


def main(
    *, points: list[str], prepared: str, dataset: str, made_by: dict, output: str, rule: str, config: dict
) -> None:
    results = read_results(dict.fromkeys(points, made_by["points"]))
    cube = merge_entropy(
        {Path(path).stem: result for path, result in results.items()},
        dataset=dataset,
        architecture=made_by["points"]["architecture"],
        attributes={
            "title": config["run"]["name"],
            "config": config,
            "parameters": made_by,
            "cost": add_costs([read_attributes(prepared), *(result.attributes for result in results.values())]),
            **software(),
        },
    )
    write_study(cube, output, rule)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        points=snakemake.input.points,
        prepared=snakemake.input.dataset,
        dataset=snakemake.params.dataset,
        made_by=snakemake.params.made_by,
        output=snakemake.output[0],
        rule=snakemake.rule,
        config=snakemake.config,
    )
