"""Judge all predictors of trainability by the ground truth of several cubes: a cube, and tables of it."""

from pathlib import Path

from infoflow.joblog import job_log
from infoflow.leaderboard_cube import build_leaderboard, write_csv, write_latex
from infoflow.provenance import software
from infoflow.study import read_parts, write_study


def main(*, cubes: list[str], made_by: dict, output: str, csv: str, latex: str, rule: str, config: dict) -> None:
    named = {Path(path).stem: path for path in cubes}
    read = {name: read_parts([path], made_by["cubes"][name])[0] for name, path in named.items()}
    board = build_leaderboard(
        read,
        made_by["seed"],
        {"title": config["run"]["name"], "config": config, "parameters": made_by, **software()},
    )
    write_csv(board, csv)
    write_latex(board, latex)
    write_study(board, output, rule)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        cubes=snakemake.input.cubes,
        made_by=snakemake.params.made_by,
        output=snakemake.output.cube,
        csv=snakemake.output.csv,
        latex=snakemake.output.latex,
        rule=snakemake.rule,
        config=snakemake.config,
    )
