# One rule per registered figure.
for figure, needs in figures.FIGURES.items():

    rule:
        name:
            f"figure_{figure}"
        input:
            cube=lambda wildcards: "results/cubes/{}_{}.nc".format(*GRID.experiments[wildcards.experiment].cube),
            probes=lambda wildcards, needs=needs: figure_probes(GRID.experiments[wildcards.experiment], needs),
        output:
            report(
                f"results/figures/{{experiment}}/{figure}.png",
                caption=f"../report/{figure}.rst",
                category="{experiment}",
                labels={"figure": figure.replace("_", " ")},
            ),
            f"results/figures/{{experiment}}/{figure}.pdf",
        log:
            f"results/logs/figures/{{experiment}}/{figure}.log",
        conda:
            "../../envs/infoflow.yaml"
        params:
            figure=figure,
            experiment=lambda wildcards, needs=needs: figure_experiment(GRID.experiments[wildcards.experiment], needs),
            code=code_digest("draw_figure", f"figures.{figure}"),
        script:
            "../scripts/draw_figure.py"


# One target per experiment.
for experiment in GRID.experiments:

    rule:
        name:
            f"experiment_{experiment}"
        input:
            figure_files([experiment]),


# Those of the studies, each drawn from nothing but a cube.
for kind in set(studies(config).values()):
    for figure in figures.STUDIES[kind]:

        rule:
            name:
                f"figure_{figure}"
            input:
                cube="results/cubes/{study}.nc",
            output:
                report(
                    f"results/figures/{{study}}/{figure}.png",
                    caption=f"../report/{figure}.rst",
                    category="{study}",
                    labels={"figure": figure.replace("_", " ")},
                ),
                f"results/figures/{{study}}/{figure}.pdf",
            log:
                f"results/logs/figures/{{study}}/{figure}.log",
            wildcard_constraints:
                study="|".join(name for name, of in studies(config).items() if of == kind),
            conda:
                "../../envs/infoflow.yaml"
            params:
                figure=figure,
                code=code_digest("draw_study", f"figures.{figure}"),
            script:
                "../scripts/draw_study.py"
