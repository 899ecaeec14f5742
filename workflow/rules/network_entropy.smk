# Relative entropy through fully connected networks, one job per point.
if (ENTROPY := PLAN.of["network_entropy"]).entries:

    wildcard_constraints:
        entropy="|".join(ENTROPY.entries),

    rule network_entropy:
        input:
            dataset=lambda wildcards: ENTROPY.dataset_file(wildcards.entropy),
        output:
            "results/network_entropy/{entropy}/{point}.nc",
        log:
            "results/logs/network_entropy/{entropy}/{point}.log",
        benchmark:
            "results/benchmarks/network_entropy/{entropy}/{point}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: ENTROPY.point(wildcards.entropy),
        script:
            "../scripts/network_entropy.py"

    rule merge_network_entropy:
        input:
            points=lambda wildcards: ENTROPY.point_files(wildcards.entropy),
            dataset=lambda wildcards: ENTROPY.dataset_file(wildcards.entropy),
        output:
            "results/cubes/network_entropy_{entropy}.nc",
        log:
            "results/logs/merge_network_entropy/{entropy}.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: ENTROPY.merge(wildcards.entropy),
        script:
            "../scripts/merge_network_entropy.py"
