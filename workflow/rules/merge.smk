rule merge_cube:
    input:
        unpack(lambda wildcards: TRAINABILITY.merge_inputs(wildcards.experiment)),
    output:
        "results/cubes/{experiment}.nc",
    log:
        "results/logs/merge_cube/{experiment}.log",
    benchmark:
        "results/benchmarks/merge_cube/{experiment}.tsv"
    wildcard_constraints:
        experiment="|".join(TRAINABILITY.experiments) or "-",
    conda:
        "../../envs/infoflow.yaml"
    params:
        job=lambda wildcards: TRAINABILITY.merge(wildcards.experiment),
    script:
        "../scripts/merge_cube.py"
