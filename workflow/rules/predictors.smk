# Cheap predictors of trainability, one job per (σ_w², σ_b²): its networks of all depths.
rule score_predictor:
    input:
        dataset="results/prepare_dataset/{dataset}.nc",
    output:
        "results/score_predictor/{dataset}/{architecture}/{point}.nc",
    log:
        "results/logs/score_predictor/{dataset}/{architecture}/{point}.log",
    benchmark:
        "results/benchmarks/score_predictor/{dataset}/{architecture}/{point}.tsv"
    conda:
        "../../envs/infoflow.yaml"
    params:
        job=lambda wildcards: TRAINABILITY.prediction_of(wildcards.dataset, wildcards.architecture, wildcards.point),
    script:
        "../scripts/score_predictor.py"
