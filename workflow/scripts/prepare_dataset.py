"""Load a data set, check its files, fix its split and evaluation order."""

from infoflow.joblog import job_log
from infoflow.record import describe_job


def main(*, output: str, options: dict, data_root: str | None, seed: int, about: dict) -> None:
    from infoflow.datasets import find_data_root, load_images
    from infoflow.prepared import write_prepared

    images = load_images(options, find_data_root(data_root), seed)
    write_prepared(output, images, seed, about)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        output=snakemake.output[0],
        options=snakemake.params.options,
        data_root=snakemake.config["data_root"],
        seed=snakemake.params.seed,
        about=describe_job(snakemake.rule, dict(snakemake.params.items())),
    )
