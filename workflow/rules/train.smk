rule train_network:
    input:
        dataset="results/prepare_dataset/{dataset}.nc",
    output:
        "results/train_network/{dataset}/{architecture}/{point}.nc",
    log:
        "results/logs/train_network/{dataset}/{architecture}/{point}.log",
    benchmark:
        "results/benchmarks/train_network/{dataset}/{architecture}/{point}.tsv"
    conda:
        "../../envs/infoflow.yaml"
    params:
        job=lambda wildcards: TRAINABILITY.training(wildcards.dataset, wildcards.architecture),
    script:
        "../scripts/train_network.py"
