"""Relative entropy through the networks of one point."""

from infoflow.joblog import job_log
from infoflow.record import check_parameters, describe_job


def main(
    *,
    dataset: str,
    data: dict,
    output: str,
    point: str,
    architecture: dict,
    entropy: dict,
    train: dict | None,
    run: dict,
    threads: int,
    about: dict,
) -> None:
    from infoflow.network_entropy import entropy_point
    from infoflow.store import read_attributes

    check_parameters(dataset, read_attributes(dataset), data)
    entropy_point(dataset, output, point, architecture, entropy, train, run, threads, about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        dataset=snakemake.input.dataset,
        output=snakemake.output[0],
        point=snakemake.wildcards.point,
        **{name: snakemake.params[name] for name in ("data", "architecture", "entropy", "train", "run")},
        threads=snakemake.threads,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
