# How little probing is enough, one job per column of the grid.
if (BUDGET := PLAN.of["probing_budget"]).entries:

    wildcard_constraints:
        budget="|".join(BUDGET.entries),

    rule probe_budget:
        input:
            dataset=lambda wildcards: BUDGET.dataset_file(wildcards.budget),
        output:
            "results/probe_budget/{budget}/{point}.nc",
        log:
            "results/logs/probe_budget/{budget}/{point}.log",
        benchmark:
            "results/benchmarks/probe_budget/{budget}/{point}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: BUDGET.probe(wildcards.budget),
        script:
            "../scripts/probe_budget.py"

    rule merge_probing_budget:
        input:
            unpack(lambda wildcards: BUDGET.merge_inputs(wildcards.budget)),
        output:
            "results/cubes/probing_budget_{budget}.nc",
        log:
            "results/logs/merge_probing_budget/{budget}.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: BUDGET.merge(wildcards.budget),
        script:
            "../scripts/merge_probing_budget.py"
