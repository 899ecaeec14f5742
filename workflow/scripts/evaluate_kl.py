"""Evaluate the reconstructions of one probe: entropies, explained variance, saturation depth."""

from infoflow.evaluation import evaluate_probe
from infoflow.joblog import job_log
from infoflow.store import read_result, write_result


def main(*, probe: str, output: str, options: dict, code: str) -> None:
    result = read_result(probe)
    write_result(output, evaluate_probe(result, **options), {**result.attributes, "code_evaluate_kl": code})


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        probe=snakemake.input.probe,
        output=snakemake.output[0],
        options=snakemake.params.options,
        code=snakemake.params.code,
    )
