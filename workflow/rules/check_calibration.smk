# What the verdict of `infoflow check` is fitted to, in one job per family of networks.
if (CALIBRATION := PLAN.of["check_calibration"]).families:

    rule try_networks:
        output:
            "results/try_networks/{family}.nc",
        log:
            "results/logs/try_networks/{family}.log",
        benchmark:
            "results/benchmarks/try_networks/{family}.tsv"
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: CALIBRATION.tried(),
        script:
            "../scripts/try_networks.py"

    rule calibrate_check:
        input:
            **CALIBRATION.inputs(),
        output:
            cube="results/cubes/check_calibration.nc",
            table="results/check_calibration/features.csv",
            fitted="results/check_calibration/rule.json",
        log:
            "results/logs/calibrate_check/check_calibration.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: CALIBRATION.made_by("check_calibration"),
        script:
            "../scripts/calibrate_check.py"
