# What the run found, on one page, and in the lines that the terminal ends with.
if (SUMMARY := PLAN.of["summary"]).pages():

    rule summarize:
        input:
            **SUMMARY.inputs(),
        output:
            report(
                SUMMARY.pages()[0],
                caption="../report/summary.rst",
                category="summary",
                labels={"figure": "summary"},
            ),
            SUMMARY.pages()[1:],
        log:
            "results/logs/summarize.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: SUMMARY.parameters,
        script:
            "../scripts/summarize.py"

    onsuccess:
        # asked for, and not only lying there
        if not {*workflow.dag_settings.targets} - {"all_figures"}:
            print(Path(SUMMARY.pages()[1]).read_text(encoding="utf-8"), end="")
