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
        architecture=lambda wildcards: architecture_options(config, wildcards.architecture),
        train=lambda wildcards: settings(config, "train", wildcards.dataset, wildcards.architecture),
        run=run_settings("seed", "replicas", "precision"),
        code=lambda wildcards: point_digest("train_network", wildcards.architecture),
    script:
        "../scripts/train_network.py"
