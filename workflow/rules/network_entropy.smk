# Relative entropy through fully connected networks, one job per point.
if config["network_entropy"]:

    wildcard_constraints:
        entropy="|".join(config["network_entropy"]),

    rule network_entropy:
        input:
            dataset=lambda wildcards: f"results/prepare_dataset/{entropy_entry(wildcards)['dataset']}.nc",
        output:
            "results/network_entropy/{entropy}/{point}.nc",
        log:
            "results/logs/network_entropy/{entropy}/{point}.log",
        benchmark:
            "results/benchmarks/network_entropy/{entropy}/{point}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            **entropy_params(),
        script:
            "../scripts/network_entropy.py"

    rule merge_network_entropy:
        input:
            points=lambda wildcards: [
                f"results/network_entropy/{wildcards.entropy}/{point}.nc"
                for point in entropy_points(config, wildcards.entropy)
            ],
            dataset=lambda wildcards: f"results/prepare_dataset/{entropy_entry(wildcards)['dataset']}.nc",
        output:
            "results/cubes/network_entropy_{entropy}.nc",
        log:
            "results/logs/merge_network_entropy/{entropy}.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            made_by=lambda wildcards: merged_entropy_params(wildcards.entropy),
            dataset=lambda wildcards: entropy_entry(wildcards)["dataset"],
        script:
            "../scripts/merge_network_entropy.py"
