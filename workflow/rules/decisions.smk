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
        architecture=lambda wildcards: architecture_options(config, wildcards.architecture),
        train=lambda wildcards: settings(config, "train", wildcards.dataset, wildcards.architecture),
        probe=lambda wildcards: {
            name: value
            for name, value in probe_options(config, wildcards.dataset, wildcards.architecture, "adam").items()
            if name != "show_channels"
        },
        run=run_settings("seed", "replicas", "precision"),
        data=lambda wildcards: dataset_params(wildcards.dataset),
        images=lambda wildcards: GRID.explained_images(wildcards.dataset, wildcards.architecture, wildcards.point),
        code=lambda wildcards: point_digest("explain_decisions", wildcards.architecture, "reconstruction.adam"),
    script:
        "../scripts/explain_decisions.py"
