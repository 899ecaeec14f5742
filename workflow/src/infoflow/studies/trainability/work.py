"""How much work the jobs of the experiments are; see `Study.WORK`."""

from collections.abc import Callable, Mapping
from typing import Any

from infoflow.architectures.sizes import Size
from infoflow.files.names import decode
from infoflow.jobs.costs import CALLS, Work
from infoflow.reconstruction.kinds import METHODS
from infoflow.studies import work
from infoflow.studies.work import BYTES, GIGA, MEGA, added

Options = Mapping[str, Any]
AT_ONCE = 30_000_000
"""Of `score_predictor`: weights that are scored at a time."""
_EARLY = "success"
"""`engine.training.SUCCESS`: a training stops when it is good enough."""


def _depth(wildcards: Mapping[str, str]) -> int:
    return decode(wildcards["point"])[2]


def _rates(train: Options) -> int:
    return len(train["learning_rate"]) if isinstance(train["learning_rate"], list) else 1


def prepare_dataset(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    """All images are read, and those that are wanted are kept."""
    data = parameters["options"]
    amounts = work.preparing(data)
    kept = work.data_memory(data)
    return Work(amounts, {"original": amounts["original"] * 1000, "kept": kept}, kept)


def probe(method: str) -> Callable[[Options, Mapping[str, str]], Work]:
    """Of the rule that probes by a method; a method that is not known here takes what Adam's does."""
    return {"kernel": _kernel, "theory": _theory, "ridge": _ridge}.get(method, _adam)


def _inverses(parameters: Options, network: Size, amounts: Mapping[str, float]) -> Work:
    run, options, data = parameters["run"], parameters["probe"], parameters["data"]["options"]
    samples, replicas, size = options["evaluation_samples"], run["replicas"], BYTES[run["precision"]]
    kept = work.reconstructions_memory(network, samples, replicas)
    seconds = added(amounts, work.composing(network, samples, replicas), {"written": kept / 1000}, work.reading(data))
    return Work(seconds, work.inverses_memory(network, data, samples, replicas, size), kept)


def _adam(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    network = work.network_of(parameters, _depth(wildcards))
    data, options = parameters["data"]["options"], parameters["probe"]
    if "epochs" not in options:  # a method of one's own: as one epoch
        options = {"epochs": 1, "batch_size": 32, **options}
    amounts = work.inverting_with_adam(network, data, options, parameters["run"]["replicas"])
    return _inverses(parameters, network, amounts)


def _ridge(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    network = work.network_of(parameters, _depth(wildcards))
    data, options = parameters["data"]["options"], parameters["probe"]
    amounts = work.inverting_by_regression(network, data, options, parameters["run"]["replicas"])
    return _inverses(parameters, network, amounts)


def _kernel(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    network = work.network_of(parameters, _depth(wildcards))
    run, options = parameters["run"], parameters["probe"]
    pictures = min(parameters["options"]["pictures"], options["evaluation_samples"])
    held = work.kernels_memory(network, options, pictures, run["replicas"], BYTES[run["precision"]])
    seconds = added(work.by_kernels(network, options, run["replicas"]), {"written": held["pictures"] / 1000})
    return Work(seconds, held, held["pictures"])


def _theory(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    options = parameters["probe"]
    both = options["kernel_samples"] + options["evaluation_samples"]
    held = {"grams": both * options["kernel_samples"] * 8 / MEGA}
    return Work(work.by_theory(_depth(wildcards), options), held)


def evaluate(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    """Of reconstructions that a probe has written."""
    inner = parameters["probe"]
    network, run = work.network_of(inner, _depth(wildcards)), inner["run"]
    kept = work.reconstructions_memory(network, inner["probe"]["evaluation_samples"], run["replicas"])
    pictures = min(parameters["options"]["pictures"], inner["probe"]["evaluation_samples"])
    written = work.reconstructions_memory(network, pictures, run["replicas"])
    return Work({"read": kept / 1000}, {"reconstructions": kept, "parts": min(kept, work.FREED / MEGA)}, written)


def train_network(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    """All epochs at all rates, unless it is good enough before."""
    return _training(parameters, [_depth(wildcards)], parameters["run"]["replicas"])


def search_boundary(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    """Every replica of every depth, one at a time, is the most that it can train."""
    training, replicas = parameters["training"], parameters["run"]["replicas"]
    one = _training(training, parameters["depths"], 1)
    return Work(added(one.seconds, times=replicas), one.memory, priced_as="train_network", early=True)


def _training(parameters: Options, depths: list[int], replicas: int) -> Work:
    run, train, data = parameters["run"], parameters["train"], parameters["data"]["options"]
    networks = [work.network_of(parameters, depth) for depth in depths]
    size = BYTES[run["precision"]]
    seconds = added(*(work.training(network, data, train, replicas, _rates(train)) for network in networks))
    return Work(
        added(seconds, work.reading(data)),
        work.training_memory(networks[-1], data, train, replicas, size),
        early=train.get("stop") == _EARLY,
    )


def score_predictor(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    """Passes of a batch through the networks of all depths, for every predictor, some in float64."""
    run, options = parameters["run"], parameters["predictors"]
    networks = [work.network_of(parameters, depth) for depth in parameters["depths"]]
    names, batch, replicas = len(options["names"]), options["batch_size"], run["replicas"]
    data = parameters["data"]["options"]
    largest = networks[-1]
    return Work(
        {
            "products": sum(2 * n.products for n in networks) * names * batch * replicas / GIGA,
            "drawn": sum(n.weights for n in networks) * names * replicas / GIGA,
            CALLS: sum(n.depth for n in networks) * names / MEGA,
            "jacobians": sum(n.depth * n.widest**1.0 * batch * batch for n in networks) * replicas / GIGA,
            **work.reading(data),
        },
        {
            "copies": min(largest.weights * replicas, max(AT_ONCE, largest.weights)) * 8 / MEGA,
            "weights": largest.weights * replicas * BYTES[run["precision"]] / MEGA,
            "states": batch * largest.units * replicas * 8 / MEGA,
            "data": work.data_memory(data, BYTES[run["precision"]]),
        },
    )


def explain_decisions(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    """A training, and the reconstruction networks of what it found."""
    train = _training(parameters, [_depth(wildcards)], parameters["run"]["replicas"])
    adam = _adam(parameters, wildcards)
    return Work(added(train.seconds, adam.seconds), added(train.memory, adam.memory))


def merge_cube(parameters: Options, wildcards: Mapping[str, str]) -> Work:
    """Of a file for every column and method, and for every network that was trained."""
    axes, methods = parameters["axes"], parameters["made_by"]
    columns, depths = len(axes["sigma_w2"]) * len(axes["sigma_b2"]), axes["depth"]
    per_column = sum(len(depths) if part == "trainings" else 1 for part in methods)
    replicas = parameters["config"]["run"]["replicas"]
    values = columns * depths[-1] * replicas * len(methods)
    judged = columns * len(depths) * replicas if parameters.get("truth") else 0
    seconds = {
        "files": columns * per_column / 1000,
        "values": values / MEGA,
        "judged": judged / 1000,
        "resampled": float(judged > 0),
    }
    return Work(seconds, {"values": values / MEGA}, values / MEGA)


WORK: dict[str, Callable[[Options, Mapping[str, str]], Work]] = {
    "prepare_dataset": prepare_dataset,
    **{about.probe: probe(method) for method, about in METHODS.items()},
    **{about.evaluation: evaluate for about in METHODS.values() if about.evaluation},
    "train_network": train_network,
    "search_boundary": search_boundary,
    "score_predictor": score_predictor,
    "explain_decisions": explain_decisions,
    "merge_cube": merge_cube,
}
