# Information plane: trained in one job per network, all replicas together, and measured in another.
if config["information_plane"]:

    wildcard_constraints:
        network=NAME,

    rule train_snapshots:
        input:
            dataset=f"results/prepare_dataset/{config['information_plane']['dataset']}.nc",
        output:
            "results/train_snapshots/{network}.nc",
        log:
            "results/logs/train_snapshots/{network}.log",
        benchmark:
            "results/benchmarks/train_snapshots/{network}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            **plane_training_params(),
        script:
            "../scripts/train_snapshots.py"

    rule measure_information:
        input:
            dataset=f"results/prepare_dataset/{config['information_plane']['dataset']}.nc",
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
            **plane_measure_params(),
        script:
            "../scripts/measure_information.py"

    rule merge_information_plane:
        input:
            trained=[f"results/train_snapshots/{name}.nc" for name in networks(config["information_plane"])],
            measured=[f"results/measure_information/{name}.nc" for name in networks(config["information_plane"])],
            dataset=f"results/prepare_dataset/{config['information_plane']['dataset']}.nc",
        output:
            "results/cubes/information_plane.nc",
        log:
            "results/logs/merge_information_plane/information_plane.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            made_by=merged_plane_params(),
        script:
            "../scripts/merge_information_plane.py"
