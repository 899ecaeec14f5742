# The archive of the run, to put beside a paper. It holds the source, so that any edit makes it again.
localrules:
    archive,


rule archive:
    input:
        cubes=cube_files(),
        figures=figure_files(GRID.experiments) + study_figures(),
    output:
        f"results/archive/{archive_name(config['run']['name'])}.zip",
    log:
        "results/logs/archive.log",
    conda:
        "../../envs/infoflow.yaml"
    params:
        config=config,
        made_by=lambda wildcards: cubes_made_by(),
        began=lambda wildcards: sorted(
            {f"results/logs/prepare_dataset/{p.dataset}.log" for p in GRID.probes() + GRID.trainings()}
        ),
        code=code_digest("archive"),
        source=lambda wildcards: source_digest(ROOT),
    script:
        "../scripts/archive.py"
