"""Probe one random network: train and compose the reconstruction networks of all its layers."""

from infoflow.joblog import job_log
from infoflow.record import check_parameters, describe_job


def main(
    *,
    dataset: str,
    data: dict,
    output: str,
    point: str,
    architecture: dict,
    probe: dict,
    run: dict,
    threads: int,
    data_root: str | None,
    about: dict,
) -> None:
    from infoflow.probing import probe_point
    from infoflow.store import read_attributes

    check_parameters(dataset, read_attributes(dataset), data)
    probe_point(dataset, output, point, architecture, probe, run, threads, about, data_root)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        dataset=snakemake.input.dataset,
        data=snakemake.params.data,
        output=snakemake.output[0],
        point=snakemake.wildcards.point,
        architecture=snakemake.params.architecture,
        probe=snakemake.params.probe,
        run=snakemake.params.run,
        threads=snakemake.threads,
        data_root=snakemake.config["data_root"],
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
