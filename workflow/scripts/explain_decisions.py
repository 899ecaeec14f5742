"""Explain the decisions of the trained networks of one grid point."""

from infoflow.joblog import job_log
from infoflow.record import check_parameters, describe_job


def main(
    *,
    dataset: str,
    data: dict,
    output: str,
    point: str,
    architecture: dict,
    train: dict,
    probe: dict,
    run: dict,
    count: int,
    threads: int,
    about: dict,
) -> None:
    from infoflow.decisions import explain_point
    from infoflow.store import read_attributes

    check_parameters(dataset, read_attributes(dataset), data)
    explain_point(dataset, output, point, architecture, train, probe, run, count, threads, about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        dataset=snakemake.input.dataset,
        data=snakemake.params.data,
        output=snakemake.output[0],
        point=snakemake.wildcards.point,
        architecture=snakemake.params.architecture,
        train=snakemake.params.train,
        probe=snakemake.params.probe,
        run=snakemake.params.run,
        count=snakemake.params.images,
        threads=snakemake.threads,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
