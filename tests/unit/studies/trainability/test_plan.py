"""What the config says of experiments: what is computed for each, and what every result depends on."""

import copy
import json
import re

import pytest

from common import ROOT, changed_config, load_config, modular_experiment
from infoflow.config.check import merge_config
from infoflow.errors import InfoflowError
from infoflow.figures.chosen import MOST_BIASES
from infoflow.files.names import decode
from infoflow.jobs.provenance import code_digest, imported_modules, module_name
from infoflow.plan import Plan
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.plan import Trainability

GRID = {"sigma_w2": [1.0, 2.0], "sigma_b2": [0.05], "depth": [3, 5]}
OTHER = {"dataset": "mnist", "architecture": "mlp", "sigma_w2": [1.0], "sigma_b2": [0.05], "depth": [3]}
METHODS = ["adam", "ridge"]
RESULTS = {"probe_kernel": "kernel", "evaluate_kl": "adam", "evaluate_ridge": "ridge", "probe_theory": "theory"}
"""By the rule that has its curves, all methods of probing."""


def planned(experiments=None, **others) -> Trainability:
    """The plan of some experiments, by default `own`, of digits and networks of width 9."""
    config = {
        "datasets": {"digits": {"probe": {"evaluation_samples": 100}}},
        "architectures": {"mlp": {"width": 9}},
        "experiments": experiments or {"own": experiment()},
    }
    return Plan(merge_config([config, others]), ROOT).of["trainability"]


def experiment(**entry) -> dict:
    return {"dataset": "digits", "architecture": "mlp", **GRID, **entry}


# --- what is computed


def test_a_cube_is_merged_from_the_points_of_its_experiment():
    study = planned(probe={"method": METHODS})
    inputs = study.merge_inputs("own")
    points = [f"digits/mlp/w{w}_b0.050000_d" for w in ("1.000000", "2.000000")]
    assert inputs == {
        "evaluations": [f"results/evaluate_kl/{p}005.nc" for p in points],
        "ridge": [f"results/evaluate_ridge/{p}005.nc" for p in points],
        "trainings": [f"results/train_network/{p}{d}.nc" for p in points for d in ("003", "005")],
        "predictors": [f"results/score_predictor/{p}005.nc" for p in points],
        "datasets": ["results/prepare_dataset/digits.nc"],
    }
    assert study.probed_files() == inputs["evaluations"] + inputs["ridge"]
    assert study.training_files() == inputs["trainings"]
    assert study.names() == ["own"]
    assert study.targets() == {"study_trainability": ["own"], "experiment_own": ["own"]}


def test_what_is_not_asked_for_is_not_computed():
    untrained = planned({"own": experiment(truth=False)})
    assert set(untrained.merge_inputs("own")) == {"evaluations", "theory", "trainings", "datasets"}
    assert untrained.merge_inputs("own")["trainings"] == untrained.training_files() == []
    assert untrained.judged() == []
    assert set(untrained.merge("own")["made_by"]) == {"evaluations", "theory"}
    unscored = planned(predictors=None)
    assert set(unscored.merge_inputs("own")) == {"evaluations", "theory", "trainings", "datasets"}
    assert set(unscored.merge("own")["made_by"]) == {"evaluations", "theory", "trainings"}
    assert unscored.judged() == ["own"]


def test_the_main_method_is_the_first():
    """Of the others the parts have their names."""
    study = planned(probe={"method": ["ridge", "adam"]})
    inputs, made_by = study.merge_inputs("own"), study.merge("own")["made_by"]
    assert all(f.startswith("results/evaluate_ridge/") for f in inputs["evaluations"])
    assert all(f.startswith("results/evaluate_kl/") for f in inputs["adam"])
    assert made_by["evaluations"]["probe"]["probe"]["method"] == "ridge"
    assert made_by["adam"]["probe"]["probe"]["method"] == "adam"


def test_experiments_of_one_data_set_and_architecture_have_cubes_of_their_own_and_share_their_points():
    study = planned({"a": experiment(), "b": experiment(sigma_w2=[2.0, 3.0], depth=[7])})
    a, b = study.merge_inputs("a"), study.merge_inputs("b")
    shared = "results/probe_kernel/digits/mlp/w2.000000_b0.050000_d007.nc"
    assert shared in a["evaluations"]
    assert shared in b["evaluations"]
    scored = "results/score_predictor/digits/mlp/w2.000000_b0.050000_d007.nc"
    assert scored in a["predictors"]
    assert scored in b["predictors"]
    point = scored.removesuffix(".nc").rpartition("/")[2]
    assert study.prediction_of("digits", "mlp", point)["depths"] == [3, 5, 7]
    for name in "ab":
        assert study.merge(name)["made_by"]["predictors"]["depths"][point] == [3, 5, 7]
    assert study.merge("a")["axes"] == {"sigma_w2": [1.0, 2.0], "sigma_b2": [0.05], "depth": [3, 5]}
    assert study.merge("b")["axes"]["depth"] == [7]


def test_every_file_of_a_cube_has_the_parameters_that_the_cube_asks_for():
    """What a rule is told for a file is what its reader expects of it, whichever experiment reads it."""
    noise = {"kind": "white_noise", "shape": [8, 8], "train_samples": 20, "test_samples": 100}
    study = planned(
        {
            "a": experiment(),
            "b": experiment(architecture="shrinking", sigma_w2=[3.0]),
            "c": experiment(dataset="noise", truth_dataset="digits", depth=[9]),
        },
        datasets={"noise": {**noise, "probe": {"evaluation_samples": 50}}},
        architectures={"shrinking": {"kind": "mlp", "layout": "shrinking"}},
        probe={"method": list(RESULTS.values()), "kernel_samples": 20},
    )
    for name in study.names():
        inputs, made_by = study.merge_inputs(name), study.merge(name)["made_by"]
        for part, of in made_by.items():
            for path in inputs[part]:
                _, rule, dataset, architecture, file = path.split("/")
                point = file.removesuffix(".nc")
                if rule == "train_network":
                    assert study.training(dataset, architecture) == of
                elif rule == "score_predictor":
                    own = {**of, "depths": of["depths"][point]}
                    assert study.prediction_of(dataset, architecture, point) == own
                else:
                    assert study.evaluation(RESULTS[rule], dataset, architecture) == of


# --- what results depend on


def changes(before: Trainability, after: Trainability) -> set[str]:
    """The rules whose parameters differ."""
    of = {
        "prepare_dataset": lambda study: study.data("digits"),
        "probe_cascade": lambda study: study.probe("adam", "digits", "mlp"),
        "probe_ridge": lambda study: study.probe("ridge", "digits", "mlp"),
        "evaluate_kl": lambda study: study.evaluation("adam", "digits", "mlp"),
        "evaluate_ridge": lambda study: study.evaluation("ridge", "digits", "mlp"),
        "probe_kernel": lambda study: study.evaluation("kernel", "digits", "mlp"),
        "probe_theory": lambda study: study.evaluation("theory", "digits", "mlp"),
        "train_network": lambda study: study.training("digits", "mlp"),
        "score_predictor": lambda study: study.prediction("digits", "mlp"),
        "merge_cube": lambda study: study.merge("own"),
    }
    return {rule for rule, parameters in of.items() if parameters(before) != parameters(after)}


KERNEL = {"probe_kernel", "probe_theory"}
PROBING = {"probe_cascade", "probe_ridge", "evaluate_kl", "evaluate_ridge", *KERNEL}
ALL = {*PROBING, "prepare_dataset", "train_network", "score_predictor", "merge_cube"}


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({"run": {"seed": 1}}, ALL),
        ({"run": {"replicas": 2}}, ALL - {"prepare_dataset", "probe_theory"}),
        ({"run": {"precision": "float64"}}, ALL - {"prepare_dataset", "probe_theory"}),
        ({"run": {"name": "another"}}, {"merge_cube"}),
        ({"run": {"keep_reconstructions": False}}, set()),
        ({"data_root": "elsewhere"}, set()),
        ({"datasets": {"digits": {"train_samples": 500}}}, ALL),
        ({"datasets": {"mnist": {"train_samples": 500}}}, set()),
        ({"architectures": {"mlp": {"activation": "relu"}}}, ALL - {"prepare_dataset"}),
        ({"architectures": {"cnn": {"channels": 3}}}, set()),
        ({"probe": {"epochs": 7}}, {"probe_cascade", "evaluate_kl", "merge_cube"}),
        ({"probe": {"kernel_penalty": 0.5}}, {*KERNEL, "merge_cube"}),
        ({"probe": {"ridge_penalty": 0.5}}, {"probe_ridge", "evaluate_ridge", "merge_cube"}),
        ({"datasets": {"digits": {"probe": {"evaluation_samples": 50}}}}, {*PROBING, "merge_cube"}),
        # what a later file says goes before what an earlier one says of a data set
        ({"probe": {"evaluation_samples": 90}}, {*PROBING, "merge_cube"}),
        ({"train": {"epochs": 3}}, {"train_network", "merge_cube"}),
        ({"architectures": {"cnn": {"train": {"epochs": 3}}}}, set()),
        ({"evaluate": {"pictures": 3}}, {"evaluate_kl", "evaluate_ridge", *KERNEL, "merge_cube"}),
        ({"predictors": {"batch_size": 32}}, {"score_predictor", "merge_cube"}),
        ({"experiments": {"own": {"sigma_w2": [1.0, 2.0, 4.0]}}}, {"merge_cube"}),
        ({"experiments": {"another": OTHER}}, set()),
    ],
    ids=lambda change: json.dumps(change) if isinstance(change, dict) else "",
)
def test_a_change_of_the_config_is_one_of_the_parameters_of_what_uses_it(change, rules):
    probe = {"method": list(RESULTS.values())}
    before = planned(probe=probe)
    after = merge_config([{"experiments": {"own": experiment()}, "probe": probe}, change])
    assert changes(before, planned(**after)) == rules


def test_what_only_figures_show_changes_no_cube():
    point = {"sigma_w2": 2.0, "sigma_b2": 0.05, "depth": 3}
    before = planned()
    for shown in ({"highlight": [2.0]}, {"decisions": point}):
        after = planned({"own": experiment(**shown)})
        assert after.merge("own") == before.merge("own")
    assert planned({"own": experiment(highlight=[2.0])}).experiments["own"].highlight == (2.0,)


def test_the_config_of_a_cube_makes_it_again():
    noise = {"kind": "white_noise", "shape": [8, 8], "train_samples": 20, "test_samples": 100}
    study = planned(
        {
            "own": experiment(decisions={"sigma_w2": 2.0, "sigma_b2": 0.05, "depth": 3}),
            "noise": experiment(dataset="noise", truth_dataset="digits"),
            "untrained": experiment(truth=False),
        },
        datasets={"noise": {**noise, "probe": {"evaluation_samples": 50, "epochs": 3}}, "digits": {"train_samples": 9}},
        architectures={"mlp": {"train": {"epochs": 5}, "probe": {"method": METHODS}}},
        run={"name": "mine", "seed": 5},
        predictors={"batch_size": 8},
        evaluate={"pictures": 2},
    )
    for name in study.names():
        made_by = study.merge(name)
        assert made_by["title"] == "mine"
        again = Plan(copy.deepcopy(made_by["config"]), ROOT)
        assert again.of["trainability"].cubes() == {name: made_by}


def test_the_code_of_the_plug_ins_that_are_used_is_part_of_it():
    study = planned(architectures={"own": {"kind": "mlp", "activation": "relu"}}, probe={"method": METHODS})
    adam, ridge = (study.probe(method, "digits", "mlp")["code"] for method in METHODS)
    assert adam != ridge
    assert study.probe("adam", "digits", "own")["code"] != adam
    assert study.training("digits", "mlp")["code"] != study.training("digits", "own")["code"]
    some, all_of_them = (planned(predictors=p).prediction("digits", "mlp") for p in ({"names": ["snip"]}, {}))
    assert some["code"] != all_of_them["code"]


def test_decisions_are_explained_with_as_many_images_as_any_experiment_shows():
    point = {"sigma_w2": 3, "sigma_b2": 0.1, "depth": 7}
    study = planned(
        {"a": experiment(decisions=point | {"images": 4}), "b": experiment(decisions=point | {"images": 6})},
        architectures={"mlp": {"probe": {"method": "adam", "show_channels": [[1, 0]]}}},
    )
    explained = study.experiments["a"].explained
    parameters = study.decisions(explained.dataset, explained.architecture, explained.name)
    assert parameters["images"] == 6
    assert parameters["train"] == study.training("digits", "mlp")["train"]
    assert "show_channels" not in parameters["probe"]
    assert parameters["probe"]["method"] == "adam"


# --- figures


def figures(study: Trainability) -> dict:
    return {figure.name: figure for figure in study.figures()}


SHOWN = {"method": "ridge", "show_channels": [[1, 0]]}


def test_figures_are_drawn_of_the_experiments_that_have_what_they_show():
    point = {"sigma_w2": 2.0, "sigma_b2": 0.05, "depth": 3}
    study = planned(
        {
            "truth": experiment(),
            "map": experiment(truth=False),
            "explained": experiment(decisions=point),
            "channels": experiment(architecture="shown"),
        },
        architectures={"shown": {"kind": "mlp", "width": 9, "probe": SHOWN}},
    )
    drawn = {name: set(figure.of) for name, figure in figures(study).items()}
    assert list(drawn) == list(Trainability.FIGURES)
    assert (drawn.pop("channels"), drawn.pop("decisions")) == ({"channels"}, {"explained"})
    assert drawn.pop("phase_diagram") == set()  # of one σ_b² there is no plane
    for name in ("overview", "trainability_map", "boundary", "roc", "cost"):
        assert drawn.pop(name) == {"truth", "explained", "channels"}
    assert all(of == {"truth", "map", "explained", "channels"} for of in drawn.values())


def test_figures_that_show_pictures_read_the_probes_of_the_highlighted_variances():
    study = planned({"own": experiment(sigma_b2=[0.05, 0.1], highlight=[2.0])}, probe={"method": ["ridge", "adam"]})
    drawn = figures(study)
    files = [f"results/evaluate_ridge/digits/mlp/w2.000000_b{b}_d005.nc" for b in ("0.050000", "0.100000")]
    assert drawn["reconstructions"].inputs("own") == {"cube": "results/cubes/own.nc", "probes": files}
    assert drawn["cost"].inputs("own")["probes"] == []
    assert {decode(f.rpartition("/")[2].removesuffix(".nc"))[2] for f in files} == {5}


def test_of_many_bias_variances_pictures_are_shown_of_those_that_have_panels():
    study = planned({"own": experiment(sigma_b2={"start": 0.01, "stop": 0.9, "num": 90}, depth=[3])})
    probes = figures(study)["reconstructions"].inputs("own")["probes"]
    points = [decode(f.rpartition("/")[2].removesuffix(".nc")) for f in probes]
    assert len({b for _, b, _ in points}) == MOST_BIASES
    assert len(points) == 2 * MOST_BIASES


def test_the_figure_of_decisions_reads_those_of_the_explained_network():
    point = {"sigma_w2": 3.0, "sigma_b2": 0.1, "depth": 7}
    study = planned({"own": experiment(decisions=point)})
    found = figures(study)["decisions"].inputs("own")["probes"]
    assert found == ["results/explain_decisions/digits/mlp/w3.000000_b0.100000_d007.nc"]


def test_what_only_the_decisions_show_redraws_no_other_figure():
    point = {"sigma_w2": 2.0, "sigma_b2": 0.05, "depth": 3}
    before, after = (
        figures(planned({"own": experiment(decisions=point | more)})) for more in ({"images": 4}, {"images": 5})
    )
    changed = {name for name in before if before[name].parameters("own") != after[name].parameters("own")}
    assert changed == {"decisions"}
    # the job makes an experiment of them
    shown = Experiment(**after["decisions"].parameters("own")["experiment"])
    assert (shown.images, shown.decisions) == (5, (2.0, 0.05, 3))
    assert before["cost"].parameters("own")["module"] == "studies.trainability.figures.cost"


def test_a_figure_is_drawn_again_if_its_cube_is_made_again():
    before, after = figures(planned()), figures(planned(run={"seed": 1}))
    for name, figure in before.items():
        if figure.of:
            assert figure.parameters("own")["cube"] != after[name].parameters("own")["cube"], name


# --- what is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiments__digits__dataset": "digit"}, "unknown dataset 'digit'; did you mean digits"),
        ({"experiments__digits__architecture": "transformer"}, "unknown architecture 'transformer'"),
        ({"experiments__digits__truth_dataset": "nothing"}, "unknown truth_dataset 'nothing'"),
        (
            {"architectures__vgg16__weights": "a.pth", "experiments__photographs_vgg16__truth": True},
            "photographs_vgg16: architecture 'vgg16' has weights of its own, .* set truth: false",
        ),
        (
            {
                "datasets__noise": {
                    "kind": "white_noise", "shape": [8, 8], "train_samples": 400, "test_samples": 400
                },
                "experiments__digits__dataset": "noise",
            },
            "experiments.digits: dataset 'noise' has no labels to train on; set truth: false, or truth_dataset to",
        ),
        ({"experiments__digits__truth": False}, "digits.decisions: they are those of a trained network"),
        ({"experiments__digits__highlight": [0.5]}, "experiments.digits.highlight: 0.5 is not among the values of"),
        ({"experiments__digits__sigma_w2": [1.0, 1.0]}, "experiments.digits.sigma_w2: 1.0 and 1.0 would have the"),
        ({"experiments__digits__decisions__sigma_b2": 1e-7}, "experiments.digits.decisions.sigma_b2: 1e-07 has more"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused_in_one_line_that_names_the_key(change, message):
    with pytest.raises(InfoflowError, match=message) as refusal:
        Plan(changed_config(**change), ROOT)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": [3, 23]}, "depth: 23, but vgg16 has 22 layers"),
        ({"depth": {"start": 1, "stop": 30, "step": 1}}, "depth: 30, but vgg16 has 22 layers"),
        ({"truth": True, "decisions": {"sigma_w2": 2.0, "sigma_b2": 0.0, "depth": 3}}, "set unpool: learned"),
        ({"truth": True}, "set train.readout of the architecture to logits"),
    ],
    ids=str,
)
def test_what_vgg16_cannot_do_is_refused_before_it_is_planned(change, message):
    config = changed_config(architectures__vgg16__unpool="recorded", architectures__vgg16__train={"readout": "tanh"})
    config["experiments"]["photographs_vgg16"] |= change
    with pytest.raises(InfoflowError, match=message):
        Plan(config, ROOT)


LISTED = {"kind": "layers", "layers": [{"dense": 9, "repeat": "depth"}]}


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        (
            {"probe": {"method": "adam"}},
            {},
            "probe.method adam: of architecture own, of kind layers, there are neither",
        ),
        ({"probe": {"method": ["kernel", "ridge"]}}, {}, "probe.method ridge: of architecture own, of kind layers"),
        ({"probe": {"method": "theory"}}, {}, "probe.method theory: of architecture own, of kind layers"),
        (
            {"probe": {"show_channels": [[1, 0]]}},
            {},
            "probe.show_channels: the kernel cascade knows nothing of channels",
        ),
        ({"train": {"readout": "tanh"}}, {}, "the scores of layers are what they are; set train.readout of the arch"),
        ({}, {"decisions": {"sigma_w2": 1.0, "sigma_b2": 0.0, "depth": 2}}, ".decisions: of layers there are no maps"),
    ],
    ids=range(6),
)
def test_what_modules_cannot_do_is_refused_in_one_line_that_names_the_key(options, change, message):
    config = modular_experiment(LISTED | options, {"depth": [2]} | change)
    with pytest.raises(InfoflowError, match=f"^config: experiments.own.*{re.escape(message)}") as refusal:
        Plan(config, ROOT)
    assert "\n" not in str(refusal.value)


def test_other_studies_refuse_modules():
    axes = {"sigma_w2": [1.0], "sigma_b2": [0.0], "depth": [2]}
    for section, entry in (
        ("network_entropy", {"dataset": "digits", "architecture": "own", **axes}),
        ("probing_budget", {"experiment": "own"}),
    ):
        with pytest.raises(InfoflowError, match=f"config: {section}.tiny.*mlp"):
            Plan(modular_experiment(LISTED, {"depth": [2]}, **{section: {"tiny": entry}}), ROOT)


def test_modules_are_probed_at_every_depth_by_the_kernel_cascade():
    study = Plan(modular_experiment(LISTED, {"depth": [2, 4]}), ROOT).of["trainability"]
    files = [f"results/probe_kernel/own/own/w1.000000_b0.000000_d00{d}.nc" for d in (2, 4)]
    assert study.merge_inputs("own")["evaluations"] == files
    assert study.methods(study.experiments["own"]) == ["kernel"]
    assert not study.merge("own")["prefix_invariant"]
    assert "initialization" not in {figure.name for figure in study.figures() if "own" in figure.of}


RULES = {"probe_kernel": "probe", "train_network": "ground_truth", "search_boundary": "ground_truth"}


def test_the_code_of_modules_is_that_of_networks_that_are_modules_alone():
    """A digest covers it where it is run, and of other architectures nothing of it."""
    of_modules = {"architectures/modular.py", "architectures/layer_lists.py", "architectures/layers.py"}
    known = {"modules/probe.py", "modules/ground_truth.py", "predictors/modular.py", "architectures/published.py"}
    for rule in (*RULES, "score_predictor"):
        covered = {module_name(p) for p in imported_modules(rule, "architectures.mlp", described=False)}
        assert not covered & (of_modules | known), rule
        assert not {name for name in covered if name.startswith("modules/")}, rule
    study, other = (Plan(modular_experiment(options), ROOT).of["trainability"] for options in (LISTED, {"kind": "mlp"}))
    for rule, module in {**RULES, "score_predictor": "predictors.modular"}.items():
        module = module if "." in module else f"modules.{module}"
        plugins = ("architectures.layers", module)
        assert study.networks(rule, "own")["code"] == code_digest(rule, *plugins)
        covered = {module_name(p) for p in imported_modules(rule, *plugins, described=False)}
        assert of_modules <= covered
        wanted = f"{module.replace('.', '/')}.py"
        assert wanted in covered
        assert not ({"modules/ground_truth.py", "predictors/modular.py"} - {wanted}) & covered, rule
        assert other.networks(rule, "own")["code"] != study.networks(rule, "own")["code"]


def test_activations_that_a_list_names_are_in_its_digest():
    def codes(activation):
        layers = [{"residual": [{"activation": activation}]}]
        study = Plan(modular_experiment({"kind": "layers", "layers": layers}), ROOT).of["trainability"]
        return study.networks("train_network", "own")["code"]

    plugins = ("architectures.layers", "modules.ground_truth")
    assert codes("prelu") == code_digest("train_network", *plugins)
    assert codes("erf") == code_digest("train_network", plugins[0], "engine.activations.erf", plugins[1])


def test_trained_weights_are_accepted_without_truth():
    study = Plan(changed_config(architectures__vgg16__weights="own.pth"), ROOT).of["trainability"]
    assert study.experiments["photographs_vgg16"].truth is None
    assert study.probe("ridge", "photographs", "vgg16")["architecture"]["weights"] == "own.pth"


def test_what_the_demonstration_computes():
    study = Plan(load_config(), ROOT).of["trainability"]
    assert study.judged() == ["digits"]
    assert study.training_files() == []
    assert len(study.search_files("digits")) == 12
    assert len(study.evaluation_files("digits_published", "adam")) == 4
    study = Plan(load_config("digits"), ROOT).of["trainability"]
    assert study.judged() == ["digits", "digits_boundary"]
    assert study.training_files("digits_boundary") == []
    assert len(study.search_files("digits_boundary")) == 12
    assert len(study.training_files("digits")) == 12 * 6
    assert len(study.evaluation_files("digits", "adam")) == 12


def test_the_first_experiment_comes_first():
    study = Plan(load_config(), ROOT).of["trainability"]
    names = list(study.experiments)
    ranks = [study.priority({"experiment": name}) for name in names]
    assert ranks == sorted(ranks, reverse=True) == [study.priority({"cube": name}) for name in names]
    assert ranks[-1] > 0
    first = study.experiments[names[0]]
    of_first = {"dataset": first.dataset, "architecture": first.architecture}
    assert study.priority(of_first | {"point": "w1.000000_b0.050000_d040"}) == ranks[0]
    assert study.priority({"dataset": first.dataset}) == ranks[0]
    assert study.priority({"dataset": first.dataset, "architecture": "resnet"}) < ranks[0]
    assert study.priority({"cube": "ising_1d"}) == study.priority({"lattice": "chain"}) == study.priority({}) == 0
