"""Merge the results of the Ising models of one dimension into a cube."""

from infoflow.joblog import job_log
from infoflow.provenance import software
from infoflow.record import add_costs


def main(
    *, exact: str, samples: list[str], made_by: dict, highlight: list[float], output: str, rule: str, config: dict
) -> None:
    from infoflow.ising_cubes import merge_ising
    from infoflow.study import describe_study, read_parts, write_study

    (known,) = read_parts([exact], made_by["exact"])
    sampled = read_parts(samples, made_by.get("samples", {}))
    cube = describe_study(
        merge_ising(known, sampled, highlight),
        {
            "title": config["run"]["name"],
            "references": "arXiv:2107.06898; arXiv:2108.02772; arXiv:0910.2097",
            "config": config,
            "parameters": made_by,
            "cost": add_costs(part.attrs for part in (known, *sampled)),
            **software(),
        },
    )
    write_study(cube, output, rule)


with job_log(snakemake.log[0], snakemake.scriptdir):
    main(
        exact=snakemake.input.exact,
        samples=list(snakemake.input.get("samples", [])),
        made_by=snakemake.params.made_by,
        highlight=snakemake.params.made_by["highlight"],
        output=snakemake.output[0],
        rule=snakemake.rule,
        config=snakemake.config,
    )
