# Maps of the entropy of several experiments on one scale.
if (MAPS := PLAN.of["maps"]).entries:

    wildcard_constraints:
        map="|".join(MAPS.entries),

    rule merge_map:
        input:
            unpack(lambda wildcards: MAPS.merge_inputs(wildcards.map)),
        output:
            "results/cubes/map_{map}.nc",
        log:
            "results/logs/merge_map/{map}.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            job=lambda wildcards: MAPS.merge(wildcards.map),
        script:
            "../scripts/merge_map.py"
