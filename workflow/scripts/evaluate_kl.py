"""Evaluate the reconstructions of one probe: entropies, explained variance, saturation depth."""

from infoflow.evaluation import evaluate_probe
from infoflow.joblog import job_log
from infoflow.record import check_parameters, describe_job
from infoflow.store import read_result, write_result


def main(*, probe: str, output: str, options: dict, made_by: dict, about: dict) -> None:
    result = read_result(probe)
    check_parameters(probe, result.attributes, made_by)
    write_result(output, evaluate_probe(result, **options), {**result.attributes, **about})


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        probe=snakemake.input.probe,
        output=snakemake.output[0],
        options=snakemake.params.options,
        made_by=snakemake.params.probe,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
