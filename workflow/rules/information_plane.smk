# Information plane: trained in one job per network, all replicas together, and measured in another.
if (PLANE := PLAN.of["information_plane"]).active:

    wildcard_constraints:
        network=NETWORK,

    rule train_snapshots:
        input:
            dataset=PLANE.dataset_file,
        output:
            "results/train_snapshots/{network}.nc",
        log:
            "results/logs/train_snapshots/{network}.log",
        benchmark:
            "results/benchmarks/train_snapshots/{network}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: PLANE.training(wildcards.network),
        script:
            "../scripts/train_snapshots.py"

    rule measure_information:
        input:
            dataset=PLANE.dataset_file,
            trained="results/train_snapshots/{network}.nc",
        output:
            "results/measure_information/{network}.nc",
        log:
            "results/logs/measure_information/{network}.log",
        benchmark:
            "results/benchmarks/measure_information/{network}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: PLANE.measure(wildcards.network),
        script:
            "../scripts/measure_information.py"

    rule merge_information_plane:
        input:
            **PLANE.merge_inputs(),
        output:
            "results/cubes/information_plane.nc",
        log:
            "results/logs/merge_information_plane/information_plane.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: PLANE.merge(),
        script:
            "../scripts/merge_information_plane.py"
