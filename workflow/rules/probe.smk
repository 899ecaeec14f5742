# Methods of probing: reconstructions and their evaluation in two jobs, or curves at once.
for method, about in METHODS.items():

    rule:
        name:
            about.probe
        input:
            dataset="results/prepare_dataset/{dataset}.nc",
        output:
            (kept if about.evaluation else str)(f"results/{about.probe}/{{dataset}}/{{architecture}}/{{point}}.nc"),
        log:
            f"results/logs/{about.probe}/{{dataset}}/{{architecture}}/{{point}}.log",
        benchmark:
            f"results/benchmarks/{about.probe}/{{dataset}}/{{architecture}}/{{point}}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards, method=method: TRAINABILITY.probe(method, wildcards.dataset, wildcards.architecture),
            script=about.script,
        script:
            "../scripts/{params.script}.py"

    if about.evaluation:

        rule:
            name:
                about.evaluation
            input:
                probe=f"results/{about.probe}/{{dataset}}/{{architecture}}/{{point}}.nc",
            output:
                f"results/{about.evaluation}/{{dataset}}/{{architecture}}/{{point}}.nc",
            log:
                f"results/logs/{about.evaluation}/{{dataset}}/{{architecture}}/{{point}}.log",
            conda:
                "../../envs/infoflow.yaml"
            params:
                job=lambda wildcards, method=method: TRAINABILITY.evaluation(
                    method, wildcards.dataset, wildcards.architecture
                ),
            script:
                "../scripts/evaluate_kl.py"
