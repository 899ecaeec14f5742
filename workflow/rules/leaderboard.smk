# All predictors of trainability against the ground truth of all cubes that have it.
if judged_cubes(config):

    rule build_leaderboard:
        input:
            cubes=[f"results/cubes/{dataset}_{architecture}.nc" for dataset, architecture in judged_cubes(config)],
        output:
            cube="results/cubes/leaderboard.nc",
            csv="results/leaderboard/leaderboard.csv",
            latex="results/leaderboard/leaderboard.tex",
        log:
            "results/logs/leaderboard/leaderboard.log",
        benchmark:
            "results/benchmarks/leaderboard/leaderboard.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            made_by=lambda wildcards: leaderboard_params(),
        script:
            "../scripts/build_leaderboard.py"
