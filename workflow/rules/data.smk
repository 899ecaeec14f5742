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
        options=lambda wildcards: data_options(wildcards.dataset),
        seed=config["run"]["seed"],
        code=lambda wildcards: code_digest(
            "prepare_dataset", f"datasets.{config['datasets'][wildcards.dataset]['kind']}"
        ),
    script:
        "../scripts/prepare_dataset.py"
