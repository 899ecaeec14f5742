# All experiments in one page for a browser.
if (EXPLORER := PLAN.of["explorer"]).pages():

    rule explorer:
        input:
            **EXPLORER.inputs(),
        output:
            report(
                "results/explorer.html",
                caption="../report/explorer.rst",
                category="explorer",
                labels={"figure": "explorer"},
            ),
        log:
            "results/logs/explorer.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: EXPLORER.parameters,
        script:
            "../scripts/explorer.py"
