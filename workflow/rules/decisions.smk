rule explain_decisions:
    input:
        dataset="results/prepare_dataset/{dataset}.nc",
    output:
        "results/explain_decisions/{dataset}/{architecture}/{point}.nc",
    log:
        "results/logs/explain_decisions/{dataset}/{architecture}/{point}.log",
    benchmark:
        "results/benchmarks/explain_decisions/{dataset}/{architecture}/{point}.tsv"
    conda:
        "../../envs/infoflow.yaml"
    params:
        job=lambda wildcards: TRAINABILITY.decisions(wildcards.dataset, wildcards.architecture, wildcards.point),
    script:
        "../scripts/explain_decisions.py"
