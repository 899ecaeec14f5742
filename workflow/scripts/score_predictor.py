"""Score the untrained networks of one column with the cheap predictors."""

from infoflow.joblog import job_log
from infoflow.record import check_parameters, describe_job


def main(
    *,
    dataset: str,
    data: dict,
    output: str,
    point: str,
    depths: list[int],
    architecture: dict,
    predictors: dict,
    run: dict,
    threads: int,
    about: dict,
) -> None:
    from infoflow.predicting import score_column
    from infoflow.store import read_attributes

    check_parameters(dataset, read_attributes(dataset), data)
    score_column(dataset, output, point, depths, architecture, predictors, run, threads, about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        dataset=snakemake.input.dataset,
        output=snakemake.output[0],
        point=snakemake.wildcards.point,
        **{name: snakemake.params[name] for name in ("data", "depths", "architecture", "predictors", "run")},
        threads=snakemake.threads,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
