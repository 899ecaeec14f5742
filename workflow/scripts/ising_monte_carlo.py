"""Estimate the first decimation of large square lattices at one coupling."""

from infoflow.joblog import job_log
from infoflow.record import describe_job


def main(*, output: str, coupling: str, options: dict, seed: int, about: dict) -> None:
    from infoflow.ising_samples import sample_lattices
    from infoflow.store import write_result

    write_result(output, sample_lattices(float(coupling.removeprefix("k")), **options, seed=seed), about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        output=snakemake.output[0],
        coupling=snakemake.wildcards.coupling,
        options=snakemake.params.options,
        seed=snakemake.params.seed,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
