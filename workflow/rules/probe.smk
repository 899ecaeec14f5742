# The reconstruction networks are trained (probe_cascade, as published) or computed in closed form (probe_ridge).
rule probe_cascade:
    input:
        dataset="results/prepare_dataset/{dataset}.nc",
    output:
        kept("results/probe_cascade/{dataset}/{architecture}/{point}.nc"),
    log:
        "results/logs/probe_cascade/{dataset}/{architecture}/{point}.log",
    benchmark:
        "results/benchmarks/probe_cascade/{dataset}/{architecture}/{point}.tsv"
    conda:
        "../../envs/infoflow.yaml"
    params:
        **probe_params("adam"),
    script:
        "../scripts/probe_cascade.py"


use rule probe_cascade as probe_ridge with:
    output:
        kept("results/probe_ridge/{dataset}/{architecture}/{point}.nc"),
    log:
        "results/logs/probe_ridge/{dataset}/{architecture}/{point}.log",
    benchmark:
        "results/benchmarks/probe_ridge/{dataset}/{architecture}/{point}.tsv"
    params:
        **probe_params("ridge"),


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
        **evaluate_params("adam"),
    script:
        "../scripts/evaluate_kl.py"


use rule evaluate_kl as evaluate_ridge with:
    input:
        probe="results/probe_ridge/{dataset}/{architecture}/{point}.nc",
    output:
        "results/evaluate_ridge/{dataset}/{architecture}/{point}.nc",
    log:
        "results/logs/evaluate_ridge/{dataset}/{architecture}/{point}.log",
    params:
        **evaluate_params("ridge"),
