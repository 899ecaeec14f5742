rule probe_cascade:
    input:
        dataset="results/prepare_dataset/{dataset}.nc",
    output:
        "results/probe_cascade/{dataset}/{architecture}/{point}.nc",
    log:
        "results/logs/probe_cascade/{dataset}/{architecture}/{point}.log",
    benchmark:
        "results/benchmarks/probe_cascade/{dataset}/{architecture}/{point}.tsv"
    conda:
        "../../envs/infoflow.yaml"
    params:
        architecture=lambda wildcards: config["architectures"][wildcards.architecture],
        probe=lambda wildcards: settings(config, "probe", wildcards.dataset),
        run=run_settings("seed", "replicas", "precision"),
        code=lambda wildcards: point_digest("probe_cascade", wildcards.architecture),
    script:
        "../scripts/probe_cascade.py"


rule evaluate_kl:
    input:
        probe="results/probe_cascade/{dataset}/{architecture}/{point}.nc",
    output:
        "results/evaluate_kl/{dataset}/{architecture}/{point}.nc",
    log:
        "results/logs/evaluate_kl/{dataset}/{architecture}/{point}.log",
    conda:
        "../../envs/infoflow.yaml"
    params:
        offset=config["evaluate"]["offset"],
        saturation_rtol=config["evaluate"]["saturation_rtol"],
        code=code_digest("evaluate_kl"),
    script:
        "../scripts/evaluate_kl.py"
