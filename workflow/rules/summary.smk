# What the run found, on one page, and in the lines that the terminal ends with.
rule summarize:
    input:
        **PLAN.summary_inputs(),
    output:
        *SUMMARY,
    log:
        "results/logs/summarize.log",
    conda:
        "../../envs/infoflow.yaml"
    params:
        job=lambda wildcards: PLAN.summary(),
    script:
        "../scripts/summarize.py"


onsuccess:
    # asked for, and not only lying there
    if not {*workflow.dag_settings.targets} - {"all_figures"}:
        print(Path(SUMMARY[1]).read_text(encoding="utf-8"), end="")
