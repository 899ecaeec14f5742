rule merge_cube:
    input:
        unpack(merge_inputs),
    output:
        "results/cubes/{dataset}_{architecture}.nc",
    log:
        "results/logs/merge_cube/{dataset}_{architecture}.log",
    benchmark:
        "results/benchmarks/merge_cube/{dataset}_{architecture}.tsv"
    conda:
        "../../envs/infoflow.yaml"
    params:
        prefix_invariant=lambda wildcards: is_prefix_invariant(config["architectures"][wildcards.architecture]),
        architecture=lambda wildcards: architecture_options(config, wildcards.architecture),
        success_accuracy=lambda wildcards: success_accuracy(wildcards.dataset, wildcards.architecture),
        made_by=merged_params,
        code=code_digest("merge_cube"),
    script:
        "../scripts/merge_cube.py"
