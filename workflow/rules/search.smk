# Of experiments with truth: boundary, down to which depth networks can be trained, one job per (σ_w², σ_b²).
rule search_boundary:
    input:
        unpack(lambda wildcards: TRAINABILITY.search_inputs(wildcards.experiment, wildcards.point)),
    output:
        "results/search_boundary/{experiment}/{point}.nc",
    log:
        "results/logs/search_boundary/{experiment}/{point}.log",
    benchmark:
        "results/benchmarks/search_boundary/{experiment}/{point}.tsv"
    wildcard_constraints:
        experiment="|".join(TRAINABILITY.experiments) or "-",
    conda:
        "../../envs/infoflow.yaml"
    params:
        job=lambda wildcards: TRAINABILITY.search(wildcards.experiment),
    script:
        "../scripts/search_boundary.py"
