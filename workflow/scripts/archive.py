"""Archive a run: all cubes, figures, config and source in one zip file."""

from pathlib import Path

from infoflow.archive import write_archive
from infoflow.joblog import job_log
from infoflow.provenance import software


def main(
    *, cubes: list[str], figures: list[str], output: str, config: dict, made_by: dict, root: Path, began: list[str]
) -> None:
    write_archive(output, cubes, figures, config=config, made_by=made_by, root=root, software=software(), began=began)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        cubes=snakemake.input.cubes,
        figures=snakemake.input.figures,
        output=snakemake.output[0],
        config=snakemake.params.config,
        made_by=snakemake.params.made_by,
        root=Path(snakemake.scriptdir).resolve().parents[1],
        began=snakemake.params.began,
    )
