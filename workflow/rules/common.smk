# What the rules share: the checked config, the grid, and the file names of its points.
import sys
from functools import reduce
from types import SimpleNamespace

# Snakemake hands its sys.path on to every script.
sys.path.insert(0, str(ROOT / "workflow/src"))

from snakemake.common.configfile import load_configfile

from infoflow import figures, slurm
from infoflow.archive import archive_name, source_digest
from infoflow.config import (
    NOT_DATA,
    architecture_options,
    budget_options,
    check_config,
    entropy_points,
    entropy_training,
    ising_options,
    judged_cubes,
    merge_config,
    plane_replicas,
    probe_methods,
    probe_options,
    settings,
    studies,
)
from infoflow.errors import InfoflowError
from infoflow.grid import COUPLING, POINT, Grid, GridPoint, decode, encode, encode_coupling, is_prefix_invariant
from infoflow.information.plan import NAME, networks
from infoflow.overlays import updated
from infoflow.provenance import PACKAGE, code_digest

if PACKAGE != (ROOT / "workflow/src/infoflow").resolve():
    raise WorkflowError(
        f"infoflow has already been imported from {PACKAGE}, and not from {ROOT / 'workflow/src'}: two versions of it "
        "cannot be modules of one workflow; use the same one"
    )


# To Snakemake parameters in another order are other parameters; the order in which keys are written has to mean nothing.
def in_order(value):
    return {k: in_order(v) for k, v in sorted(value.items())} if isinstance(value, dict) else value


# Snakemake hands on all files as one, in which what the user says looks like what the default config says.
def merged_config():
    given = workflow.config_settings
    # What another workflow gives a module is its whole config.
    if workflow.modifier.skip_configfile or not given.overwrite_config:
        return merge_config([config])
    files = [*([] if given.replace_workflow_config else [DEFAULTS]), *given.configfiles]
    layers = [*map(load_configfile, files), given.config]
    merged = merge_config(layers)
    return merged if reduce(updated, layers, {}) == config else merge_config([config])


try:
    # In place: the scripts see the defaults too.
    config.update(in_order(check_config(merged_config(), ROOT / "workflow/schemas/config.schema.yaml")))
    GRID = Grid(config)
except InfoflowError as error:
    raise WorkflowError(str(error)) from None


slurm.repair_arrays()


wildcard_constraints:
    dataset="|".join(config["datasets"]),
    architecture="|".join(config["architectures"]),
    experiment="|".join(GRID.experiments),
    point=POINT,


# The rule that evaluates the probes of a method.
EVALUATIONS = {"adam": "evaluate_kl", "ridge": "evaluate_ridge"}


def evaluation_files(cube, method):
    return [f"results/{EVALUATIONS[method]}/{p.stem}.nc" for p in GRID.probes(cube)]


def probed_files():
    return [f for c in GRID.cubes() for m in probe_methods(config, *c) for f in evaluation_files(c, m)]


def training_files(cube=None):
    return [f"results/train_network/{p.stem}.nc" for p in GRID.trainings(cube)]


# The networks of one (σ_w², σ_b²) are scored in one job, whatever their depth: that takes less time than to start it.
def scored_columns():
    depths = {}
    for p in GRID.trainings():
        depths.setdefault((p.dataset, p.architecture, p.sigma_w2, p.sigma_b2), []).append(p.depth)
    return {GridPoint(*column, max(found)).stem: sorted(found) for column, found in depths.items()}


SCORED = scored_columns() if config["predictors"] else {}


def scored_files(cube):
    trained = {(p.sigma_w2, p.sigma_b2) for p in GRID.trainings(cube)}
    where = f"{GRID.truth_dataset(cube)}/{cube[1]}/"
    columns = [stem for stem in SCORED if stem.startswith(where) and decode(Path(stem).name)[:2] in trained]
    return [f"results/score_predictor/{stem}.nc" for stem in columns]


def merge_inputs(wildcards):
    cube = (wildcards.dataset, wildcards.architecture)
    main, *beside = probe_methods(config, *cube)
    datasets = {wildcards.dataset, GRID.truth_dataset(cube) or wildcards.dataset}
    return {
        "evaluations": evaluation_files(cube, main),
        "trainings": training_files(cube),
        **{method: evaluation_files(cube, method) for method in beside},
        **({"predictors": scored_files(cube)} if scored_files(cube) else {}),
        "datasets": [f"results/prepare_dataset/{dataset}.nc" for dataset in sorted(datasets)],
    }


# The parameters of the rules whose results are merged, by input: what the results have to be made with.
def merged_params(wildcards):
    main, *beside = probe_methods(config, wildcards.dataset, wildcards.architecture)
    made_by = {
        name: resolved(evaluate_params(method), wildcards)
        for method, name in [(main, "evaluations"), *zip(beside, beside)]
    }
    cube = (wildcards.dataset, wildcards.architecture)
    if truth := GRID.truth_dataset(cube):
        of = SimpleNamespace(dataset=truth, architecture=wildcards.architecture)
        made_by["trainings"] = resolved(train_params(), of)
        if files := scored_files(cube):
            params = {name: value for name, value in predictor_params().items() if name != "depths"}
            depths = {Path(f).stem: SCORED[f"{truth}/{wildcards.architecture}/{Path(f).stem}"] for f in files}
            made_by["predictors"] = resolved(params, of) | {"depths": depths}
    return made_by


# The parameters that the cube of a grid records.
def cube_params(dataset, architecture):
    wildcards = SimpleNamespace(dataset=dataset, architecture=architecture)
    return merged_params(wildcards) | {"merge_cube": code_digest("merge_cube")}


def cubes_made_by():
    """The parameters that each cube records, by its name."""
    return {
        f"{dataset}_{architecture}": cube_params(dataset, architecture) for dataset, architecture in GRID.cubes()
    } | {name: STUDY_PARAMS[kind](name) for name, kind in studies(config).items()}


def resolved(params, wildcards):
    return {name: value(wildcards) if callable(value) else value for name, value in params.items()}


def cube_files():
    grids = [f"{dataset}_{architecture}" for dataset, architecture in GRID.cubes()]
    return [f"results/cubes/{name}.nc" for name in (*grids, *studies(config))]


def highlighted_evaluations(experiment):
    wanted = {
        GridPoint(*experiment.cube, p.sigma_w2, p.sigma_b2, GRID.probe_depth(p)).name
        for p in experiment.points()
        if p.sigma_w2 in experiment.highlight and p.depth == experiment.depth[-1]
    }
    main = probe_methods(config, *experiment.cube)[0]
    return [f for f in evaluation_files(experiment.cube, main) if Path(f).stem in wanted]


def figure_probes(experiment, needs):
    if needs.decisions:
        return [f"results/explain_decisions/{experiment.explained.stem}.nc"]
    return highlighted_evaluations(experiment) if needs.probes else []


# What only the decisions show redraws no other figure.
def figure_experiment(experiment, needs):
    return vars(experiment) if needs.decisions else {**vars(experiment), "decisions": None, "images": 0}


def experiments_of(figure):
    needs = figures.FIGURES[figure]
    return [
        name
        for name, e in GRID.experiments.items()
        if (e.truth or not needs.truth)
        and (e.decisions or not needs.decisions)
        and (shown_channels(e) or not needs.channels)
    ]


def shown_channels(experiment):
    return settings(config, "probe", *experiment.cube)["show_channels"]


def figure_files(experiments):
    return [
        f"results/figures/{name}/{figure}.{suffix}"
        for figure in figures.FIGURES
        for name in experiments_of(figure)
        if name in experiments
        for suffix in ("png", "pdf")
    ]


def study_figures():
    return [
        f"results/figures/{name}/{figure}.{suffix}"
        for name, kind in studies(config).items()
        for figure in figures.STUDIES[kind]
        for suffix in ("png", "pdf")
    ]


def run_settings(*names):
    return {name: config["run"][name] for name in names}


def data_options(dataset):
    return {k: v for k, v in config["datasets"][dataset].items() if k not in NOT_DATA}


# Whoever reads a data set checks that it was made with these.
def dataset_params(dataset):
    return {
        "options": data_options(dataset),
        "seed": config["run"]["seed"],
        "code": code_digest("prepare_dataset", f"datasets.{config['datasets'][dataset]['kind']}"),
    }


def point_digest(rule, architecture, *plugins):
    return code_digest(rule, f"architectures.{config['architectures'][architecture]['kind']}", *plugins)


def kept(path):
    return path if config["run"]["keep_reconstructions"] else temp(path)


def probe_params(method):
    return {
        "architecture": lambda wildcards: architecture_options(config, wildcards.architecture),
        "probe": lambda wildcards: probe_options(config, wildcards.dataset, wildcards.architecture, method),
        "run": run_settings("seed", "replicas", "precision"),
        "data": lambda wildcards: dataset_params(wildcards.dataset),
        "code": lambda wildcards: point_digest("probe_cascade", wildcards.architecture, f"reconstruction.{method}"),
    }


# With the parameters of the probe: what made a file that was deleted after its evaluation can be known from nowhere else.
def evaluate_params(method):
    return {
        "options": config["evaluate"],
        "probe": lambda wildcards: resolved(probe_params(method), wildcards),
        "code": code_digest("evaluate_kl"),
    }


def train_params():
    return {
        "architecture": lambda wildcards: architecture_options(config, wildcards.architecture),
        "train": lambda wildcards: settings(config, "train", wildcards.dataset, wildcards.architecture),
        "run": run_settings("seed", "replicas", "precision"),
        "data": lambda wildcards: dataset_params(wildcards.dataset),
        "code": lambda wildcards: point_digest("train_network", wildcards.architecture),
    }


def predictor_params():
    plugins = [f"predictors.{name}" for name in config["predictors"]["names"]]
    return {
        "depths": lambda wildcards: SCORED[f"{wildcards.dataset}/{wildcards.architecture}/{wildcards.point}"],
        "architecture": lambda wildcards: architecture_options(config, wildcards.architecture),
        "predictors": config["predictors"],
        "run": run_settings("seed", "replicas", "precision"),
        "data": lambda wildcards: dataset_params(wildcards.dataset),
        "code": lambda wildcards: point_digest("score_predictor", wildcards.architecture, *plugins),
    }


def success_accuracy(dataset, architecture):
    truth = GRID.truth_dataset((dataset, architecture)) or dataset
    return settings(config, "train", truth, architecture)["success_accuracy"]


def ising_exact_params(section):
    options = {name: value for name, value in ising_options(config, section).items() if name != "highlight"}
    return {"section": section, "options": options, "code": code_digest("ising_exact")}


def ising_sample_params():
    options = {name: value for name, value in config["ising"]["monte_carlo"].items() if name != "couplings"}
    return {"options": options, "seed": config["run"]["seed"], "code": code_digest("ising_monte_carlo")}


def ising_params(study):
    section = {"ising_1d": "chain", "ising_2d": "square"}[study]
    return {
        "exact": ising_exact_params(section),
        **({"samples": ising_sample_params()} if section == "square" else {}),
        "highlight": config["ising"][section]["highlight"],
        "code": code_digest("merge_ising"),
    }


def entropy_entry(wildcards):
    return config["network_entropy"][wildcards.entropy]


def entropy_params():
    return {
        "architecture": lambda wildcards: architecture_options(config, entropy_entry(wildcards)["architecture"]),
        "entropy": lambda wildcards: {name: entropy_entry(wildcards)[name] for name in ("images", "samples")},
        "train": lambda wildcards: entropy_training(config, wildcards.entropy),
        "run": run_settings("seed", "replicas", "precision"),
        "data": lambda wildcards: dataset_params(entropy_entry(wildcards)["dataset"]),
        "code": lambda wildcards: point_digest("network_entropy", entropy_entry(wildcards)["architecture"]),
    }


def merged_entropy_params(entropy):
    return {
        "points": resolved(entropy_params(), SimpleNamespace(entropy=entropy)),
        "code": code_digest("merge_network_entropy"),
    }


def plane_network(wildcards):
    return networks(config["information_plane"])[wildcards.network].options()


def plane_options(*names):
    return {name: config["information_plane"][name] for name in names}


def plane_params():
    return {
        "network": plane_network,
        "run": run_settings("seed", "precision"),
        "data": dataset_params(config["information_plane"]["dataset"]),
    }


def plane_training_params():
    names = ("samples", "epochs", "snapshots", "batch_size", "shuffled")
    return {
        **plane_params(),
        "plane": plane_options(*names) | {"replicas": plane_replicas(config)},
        "code": code_digest("train_snapshots"),
    }


def plane_measure_params():
    estimators = sorted({f"estimators.{e['kind']}" for e in config["information_plane"]["estimators"].values()})
    return {
        **plane_params(),
        "plane": plane_options("samples", "estimators", "ridge_penalty", "ridge_samples"),
        "trained": lambda wildcards: resolved(plane_training_params(), wildcards),
        "code": code_digest("measure_information", "reconstruction.ridge", *estimators),
    }


# By network: what both of its results have to be made with.
def merged_plane_params():
    return {
        name: resolved(plane_measure_params(), SimpleNamespace(network=name))
        for name in networks(config["information_plane"])
    } | {"code": code_digest("merge_information_plane")}


def leaderboard_params():
    return {
        "cubes": {f"{c[0]}_{c[1]}": cube_params(*c) for c in judged_cubes(config)},
        **run_settings("seed"),
        "code": code_digest("build_leaderboard"),
    }


def budget_experiment(wildcards):
    return GRID.experiments[config["probing_budget"][wildcards.budget]["experiment"]]


def budget_points(wildcards):
    points = budget_experiment(wildcards).points()
    return sorted({encode(p.sigma_w2, p.sigma_b2, GRID.probe_depth(p)) for p in points})


def budget_probes(wildcards):
    cube = budget_experiment(wildcards).cube
    return {method: probe_options(config, *cube, method) for method in probe_methods(config, *cube)}


def budget_digest(wildcards):
    methods = [f"reconstruction.{method}" for method in sorted(budget_probes(wildcards))]
    return point_digest("probe_budget", budget_experiment(wildcards).architecture, *methods)


def budget_params():
    return {
        "architecture": lambda wildcards: architecture_options(config, budget_experiment(wildcards).architecture),
        "probes": budget_probes,
        "budget": lambda wildcards: budget_options(config, wildcards.budget),
        "offset": config["evaluate"]["offset"],
        "run": run_settings("seed", "replicas", "precision"),
        "data": lambda wildcards: dataset_params(budget_experiment(wildcards).dataset),
        "code": budget_digest,
    }


def merged_budget_params(budget):
    wildcards = SimpleNamespace(budget=budget)
    experiment = budget_experiment(wildcards)
    return {
        "points": resolved(budget_params(), wildcards),
        "truth": cube_params(*experiment.cube),
        "experiment": experiment.name,
        "axes": {name: list(getattr(experiment, name)) for name in ("sigma_w2", "sigma_b2", "depth")},
        "code": code_digest("merge_probing_budget"),
    }


# What the cube of a study has to be made with, by the kind of the study.
STUDY_PARAMS = {
    "ising_1d": ising_params,
    "ising_2d": ising_params,
    "information_plane": lambda study: merged_plane_params(),
    "leaderboard": lambda study: leaderboard_params(),
    "network_entropy": lambda study: merged_entropy_params(study.removeprefix("network_entropy_")),
    "probing_budget": lambda study: merged_budget_params(study.removeprefix("probing_budget_")),
}
