rule prepare_dataset:
    output:
        "results/prepare_dataset/{dataset}.nc",
    log:
        "results/logs/prepare_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/prepare_dataset/{dataset}.tsv"
    conda:
        "../../envs/infoflow.yaml"
    params:
        job=lambda wildcards: TRAINABILITY.data(wildcards.dataset),
    script:
        "../scripts/prepare_dataset.py"
