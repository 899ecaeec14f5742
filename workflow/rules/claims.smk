# What publications and the documents say, decided from the cubes of the run.
if (CLAIMS := PLAN.of["claims"]).evidence:

    rule check_claims:
        input:
            **CLAIMS.inputs(),
        output:
            cube="results/cubes/claims.nc",
            csv="results/claims/claims.csv",
            markdown="results/claims/claims.md",
        log:
            "results/logs/check_claims/claims.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: CLAIMS.made_by("claims"),
        script:
            "../scripts/check_claims.py"
