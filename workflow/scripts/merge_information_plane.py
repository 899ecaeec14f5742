"""Merge what was measured of all networks of the information plane into a cube."""

from infoflow.information.cube import merge_information
from infoflow.information.plan import networks
from infoflow.joblog import job_log
from infoflow.provenance import software
from infoflow.record import add_costs
from infoflow.store import read_attributes, read_results
from infoflow.study import write_study


def main(
    *, trained: list[str], measured: list[str], prepared: str, made_by: dict, output: str, rule: str, config: dict
) -> None:
    plane = config["information_plane"]
    planned = networks(plane)
    training = read_results({path: made_by[name]["trained"] for path, name in zip(trained, planned, strict=True)})
    measures = read_results({path: made_by[name] for path, name in zip(measured, planned, strict=True)})
    cube = merge_information(
        dict(zip(planned.values(), zip(training.values(), measures.values(), strict=True), strict=True)),
        estimators=plane["estimators"],
        attributes={
            "title": config["run"]["name"],
            "config": config,
            "parameters": made_by,
            "dataset": plane["dataset"],
            "batch_size": plane["batch_size"],
            "cost": add_costs(
                [
                    read_attributes(prepared),
                    *(r.attributes for results in (training, measures) for r in results.values()),
                ]
            ),
            **software(),
        },
    )
    write_study(cube, output, rule)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        trained=snakemake.input.trained,
        measured=snakemake.input.measured,
        prepared=snakemake.input.dataset,
        made_by=snakemake.params.made_by,
        output=snakemake.output[0],
        rule=snakemake.rule,
        config=snakemake.config,
    )
