"""Measure what every layer of one network of the information plane knows at its snapshots."""

from infoflow.joblog import job_log
from infoflow.record import check_parameters, describe_job


def main(
    *,
    dataset: str,
    trained: str,
    made_by: dict,
    output: str,
    network: dict,
    plane: dict,
    run: dict,
    threads: int,
    about: dict,
) -> None:
    from infoflow.information.jobs import measure_job
    from infoflow.store import read_attributes

    check_parameters(dataset, read_attributes(dataset), made_by["data"])
    check_parameters(trained, read_attributes(trained), made_by)
    measure_job(dataset, trained, output, network, plane, run, threads, about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        dataset=snakemake.input.dataset,
        trained=snakemake.input.trained,
        made_by=snakemake.params.trained,
        output=snakemake.output[0],
        **{name: snakemake.params[name] for name in ("network", "plane", "run")},
        threads=snakemake.threads,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
