"""Train all replicas of one network of the information plane, and keep them as they were at the snapshots."""

from infoflow.joblog import job_log
from infoflow.record import check_parameters, describe_job


def main(
    *, dataset: str, data: dict, output: str, network: dict, plane: dict, run: dict, threads: int, about: dict
) -> None:
    from infoflow.information.jobs import train_job
    from infoflow.store import read_attributes

    check_parameters(dataset, read_attributes(dataset), data)
    train_job(dataset, output, network, plane, run, threads, about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        dataset=snakemake.input.dataset,
        output=snakemake.output[0],
        **{name: snakemake.params[name] for name in ("data", "network", "plane", "run")},
        threads=snakemake.threads,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
