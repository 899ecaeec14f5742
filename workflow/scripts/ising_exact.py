"""Decimate the one- or the two-dimensional Ising model exactly."""

from infoflow.joblog import job_log
from infoflow.record import describe_job


def main(*, output: str, section: str, options: dict, about: dict) -> None:
    from infoflow.ising_exact import EXACT
    from infoflow.store import write_result

    write_result(output, EXACT[section](**options), about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        output=snakemake.output[0],
        section=snakemake.params.section,
        options=snakemake.params.options,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
