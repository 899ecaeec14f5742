# Ising models under decimation: exact in one job per lattice, estimated in one job per coupling.
if (ISING := PLAN.of["ising"]).active:

    rule ising_exact:
        output:
            "results/ising_exact/{lattice}.nc",
        log:
            "results/logs/ising_exact/{lattice}.log",
        benchmark:
            "results/benchmarks/ising_exact/{lattice}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: ISING.exact(wildcards.lattice),
        script:
            "../scripts/ising_exact.py"

    rule ising_monte_carlo:
        output:
            "results/ising_monte_carlo/{coupling}.nc",
        log:
            "results/logs/ising_monte_carlo/{coupling}.log",
        benchmark:
            "results/benchmarks/ising_monte_carlo/{coupling}.tsv"
        wildcard_constraints:
            coupling=COUPLING,
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: ISING.samples(),
        script:
            "../scripts/ising_monte_carlo.py"

    rule merge_ising:
        input:
            unpack(lambda wildcards: ISING.merge_inputs(wildcards.dimension)),
        output:
            "results/cubes/ising_{dimension}.nc",
        log:
            "results/logs/merge_ising/ising_{dimension}.log",
        wildcard_constraints:
            dimension="1d|2d",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: ISING.merge(wildcards.dimension),
        script:
            "../scripts/merge_ising.py"
