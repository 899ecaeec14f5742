# How little probing is enough, one job per column of the grid.
if config["probing_budget"]:

    wildcard_constraints:
        budget="|".join(config["probing_budget"]),

    rule probe_budget:
        input:
            dataset=lambda wildcards: f"results/prepare_dataset/{budget_experiment(wildcards).dataset}.nc",
        output:
            "results/probe_budget/{budget}/{point}.nc",
        log:
            "results/logs/probe_budget/{budget}/{point}.log",
        benchmark:
            "results/benchmarks/probe_budget/{budget}/{point}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            **budget_params(),
        script:
            "../scripts/probe_budget.py"

    rule merge_probing_budget:
        input:
            points=lambda wildcards: [
                f"results/probe_budget/{wildcards.budget}/{point}.nc" for point in budget_points(wildcards)
            ],
            truth=lambda wildcards: "results/cubes/{}_{}.nc".format(*budget_experiment(wildcards).cube),
            dataset=lambda wildcards: f"results/prepare_dataset/{budget_experiment(wildcards).dataset}.nc",
        output:
            "results/cubes/probing_budget_{budget}.nc",
        log:
            "results/logs/merge_probing_budget/{budget}.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            made_by=lambda wildcards: merged_budget_params(wildcards.budget),
        script:
            "../scripts/merge_probing_budget.py"
