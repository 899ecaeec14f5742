# The archive of the run, to put beside a paper. It holds the source, so that any edit makes it again.
localrules:
    archive,


rule archive:
    input:
        cubes=[cube_file(name) for name in PLAN.wanted()],
        figures=PLAN.figure_files(),
        pages=PLAN.pages(),
    output:
        f"results/archive/{archive_name(config['run']['name'])}.zip",
    log:
        "results/logs/archive.log",
    conda:
        "../../envs/infoflow.yaml"
    params:
        job=lambda wildcards: PLAN.archive(ROOT),
    script:
        "../scripts/archive.py"
