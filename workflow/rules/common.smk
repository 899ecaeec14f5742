# What the rules share: the checked config, the grid, and the file names of its points.
import sys
from pathlib import Path

# Snakemake hands its sys.path on to every script.
sys.path.insert(0, str(Path(workflow.current_basedir).parent / "src"))

from infoflow import figures
from infoflow.config import check_config, settings
from infoflow.errors import InfoflowError
from infoflow.grid import POINT, Grid, GridPoint, is_prefix_invariant
from infoflow.provenance import code_digest

try:
    # In place: the scripts see the defaults too.
    config.update(check_config(config, Path(workflow.current_basedir).parent / "schemas/config.schema.yaml"))
    GRID = Grid(config)
except InfoflowError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    dataset="|".join(config["datasets"]),
    architecture="|".join(config["architectures"]),
    experiment="|".join(GRID.experiments),
    point=POINT,


def probe_files(cube=None):
    return [f"results/probe_cascade/{p.stem}.nc" for p in GRID.probes(cube)]


def evaluation_files(cube=None):
    return [f"results/evaluate_kl/{p.stem}.nc" for p in GRID.probes(cube)]


def training_files(cube=None):
    return [f"results/train_network/{p.stem}.nc" for p in GRID.trainings(cube)]


def cube_files():
    return [f"results/cubes/{dataset}_{architecture}.nc" for dataset, architecture in GRID.cubes()]


def highlighted_probes(experiment):
    points = (p for p in experiment.points() if p.sigma_w2 in experiment.highlight and p.depth == experiment.depth[-1])
    deepest = (GridPoint(p.dataset, p.architecture, p.sigma_w2, p.sigma_b2, GRID.probe_depth(p)) for p in points)
    return [f"results/probe_cascade/{p.stem}.nc" for p in deepest]


def experiments_of(figure):
    needs = figures.FIGURES[figure]
    return [name for name, e in GRID.experiments.items() if e.truth or not needs.truth]


def figure_files():
    return [f"results/figures/{name}/{figure}.png" for figure in figures.FIGURES for name in experiments_of(figure)]


def run_settings(*names):
    return {name: config["run"][name] for name in names}


def data_options(dataset):
    return {k: v for k, v in config["datasets"][dataset].items() if k not in ("probe", "train")}


def point_digest(rule, architecture):
    return code_digest(rule, f"architectures.{config['architectures'][architecture]['kind']}")


def success_accuracy(dataset, architecture):
    truth = GRID.truth_dataset((dataset, architecture)) or dataset
    return settings(config, "train", truth)["success_accuracy"]
