# One rule per figure, whatever study it is of.
for figure in PLAN.figures:

    rule:
        name:
            f"figure_{figure.name}"
        input:
            unpack(lambda wildcards, figure=figure: figure.inputs(wildcards.cube)),
        output:
            report(
                f"results/figures/{{cube}}/{figure.name}.png",
                caption=f"../report/{figure.name}.rst",
                category="{cube}",
                labels=lambda wildcards, output: {
                    key: read_caption(output[0])[key].translate({123: "(", 125: ")"}) for key in ("title", "finding")
                },
            ),
            f"results/figures/{{cube}}/{figure.name}.pdf",
            f"results/figures/{{cube}}/{figure.name}.json",
        log:
            f"results/logs/figures/{{cube}}/{figure.name}.log",
        wildcard_constraints:
            cube="|".join(figure.of) or "-",
        conda:
            "../../envs/infoflow.yaml"
        params:
            script=figure.script,
            job=lambda wildcards, figure=figure: figure.parameters(wildcards.cube),
        script:
            "../scripts/{params.script}.py"


# One target per experiment and per study.
for target, cubes in PLAN.targets.items():

    rule:
        name:
            target
        input:
            PLAN.files(*cubes),
