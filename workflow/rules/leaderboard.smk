# All predictors of trainability against the ground truth of all experiments that have it.
if (LEADERBOARD := PLAN.of["leaderboard"]).judged:

    rule build_leaderboard:
        input:
            **LEADERBOARD.merge_inputs(),
        output:
            cube="results/cubes/leaderboard.nc",
            csv="results/leaderboard/leaderboard.csv",
            latex="results/leaderboard/leaderboard.tex",
        log:
            "results/logs/build_leaderboard/leaderboard.log",
        benchmark:
            "results/benchmarks/build_leaderboard/leaderboard.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: LEADERBOARD.merge(),
        script:
            "../scripts/build_leaderboard.py"
