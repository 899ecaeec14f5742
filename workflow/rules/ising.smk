# Ising models under decimation: exact in one job per dimension, estimated in one job per coupling.
if config["ising"]:

    wildcard_constraints:
        coupling=COUPLING,

    rule ising_1d:
        output:
            "results/ising_exact/chain.nc",
        log:
            "results/logs/ising_exact/chain.log",
        benchmark:
            "results/benchmarks/ising_exact/chain.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            **ising_exact_params("chain"),
        script:
            "../scripts/ising_exact.py"

    use rule ising_1d as ising_2d with:
        output:
            "results/ising_exact/square.nc",
        log:
            "results/logs/ising_exact/square.log",
        benchmark:
            "results/benchmarks/ising_exact/square.tsv"
        params:
            **ising_exact_params("square"),

    rule ising_monte_carlo:
        output:
            "results/ising_monte_carlo/{coupling}.nc",
        log:
            "results/logs/ising_monte_carlo/{coupling}.log",
        benchmark:
            "results/benchmarks/ising_monte_carlo/{coupling}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            **ising_sample_params(),
        script:
            "../scripts/ising_monte_carlo.py"

    rule merge_ising_1d:
        input:
            exact="results/ising_exact/chain.nc",
        output:
            "results/cubes/ising_1d.nc",
        log:
            "results/logs/merge_ising/ising_1d.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            made_by=ising_params("ising_1d"),
        script:
            "../scripts/merge_ising.py"

    use rule merge_ising_1d as merge_ising_2d with:
        input:
            exact="results/ising_exact/square.nc",
            samples=[
                f"results/ising_monte_carlo/{encode_coupling(k)}.nc"
                for k in ising_options(config, "monte_carlo")["couplings"]
            ],
        output:
            "results/cubes/ising_2d.nc",
        log:
            "results/logs/merge_ising/ising_2d.log",
        params:
            made_by=ising_params("ising_2d"),
