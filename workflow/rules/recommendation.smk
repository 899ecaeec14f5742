# Which initialisation to take, of all experiments with ground truth.
if (RECOMMENDATION := PLAN.of["recommendation"]).judged:

    rule recommend:
        input:
            **RECOMMENDATION.inputs(),
        output:
            cube="results/cubes/recommendation.nc",
            csv="results/recommendation/recommendation.csv",
        log:
            "results/logs/recommend/recommendation.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: RECOMMENDATION.made_by("recommendation"),
        script:
            "../scripts/recommend.py"
