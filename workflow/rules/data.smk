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
        options=lambda wildcards: dataset_params(wildcards.dataset)["options"],
        seed=lambda wildcards: dataset_params(wildcards.dataset)["seed"],
        code=lambda wildcards: dataset_params(wildcards.dataset)["code"],
    script:
        "../scripts/prepare_dataset.py"
