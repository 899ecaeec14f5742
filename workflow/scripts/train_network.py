"""Train the networks of one grid point fully."""

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
    run: dict,
    threads: int,
    about: dict,
) -> None:
    from infoflow.ground_truth import train_point
    from infoflow.store import read_attributes

    check_parameters(dataset, read_attributes(dataset), data)
    train_point(dataset, output, point, architecture, train, run, threads, about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        dataset=snakemake.input.dataset,
        data=snakemake.params.data,
        output=snakemake.output[0],
        point=snakemake.wildcards.point,
        architecture=snakemake.params.architecture,
        train=snakemake.params.train,
        run=snakemake.params.run,
        threads=snakemake.threads,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
