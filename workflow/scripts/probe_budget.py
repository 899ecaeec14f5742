"""Probe one random network with parts of the steps, of the samples and of the width."""

from infoflow.joblog import job_log
from infoflow.record import check_parameters, describe_job


def main(
    *,
    dataset: str,
    data: dict,
    output: str,
    point: str,
    architecture: dict,
    probes: dict,
    budget: dict,
    offset: float,
    run: dict,
    threads: int,
    about: dict,
) -> None:
    from infoflow.probing_budget import probe_budget
    from infoflow.store import read_attributes

    check_parameters(dataset, read_attributes(dataset), data)
    probe_budget(dataset, output, point, architecture, probes, budget, offset, run, threads, about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        dataset=snakemake.input.dataset,
        output=snakemake.output[0],
        point=snakemake.wildcards.point,
        **{name: snakemake.params[name] for name in ("data", "architecture", "probes", "budget", "offset", "run")},
        threads=snakemake.threads,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
