"""What jobs are expected to take: grows with their size, agrees with what was measured, and stays what users say."""

import csv
import json
import math
from pathlib import Path

import pytest

from infoflow.architectures.kinds import ARCHITECTURES
from infoflow.architectures.sizes import size_of
from infoflow.jobs import costs
from infoflow.jobs.costs import Cost, Work, cost, memory_around, memory_mb, minutes, prices
from infoflow.plan import KINDS

WORK = {rule: work for kind in KINDS for rule, work in kind.WORK.items()}
TABLE = list(csv.DictReader((Path(__file__).parent / "costs.csv").open(encoding="utf-8")))
"""Measured by `python -m infoflow.measure --table`."""
NEVER_WITHIN = 0.05
"""Share of the measured jobs that may be off by more than a factor of 2, of the time: what else the machine did."""

MLP = {"kind": "mlp", "width": 100, "layout": "wide", "activation": "tanh", "head": []}
RUN = {"replicas": 3, "precision": "float32", "seed": 0, "draws": "independent"}
DATA = {"options": {"kind": "mnist", "train_samples": 1000, "test_samples": 500}, "seed": 0}
PROBES = {
    "probe_cascade": {"method": "adam", "epochs": 2, "batch_size": 32, "evaluation_samples": 50},
    "probe_kernel": {"method": "kernel", "kernel_samples": 200, "evaluation_samples": 50},
    "probe_ridge": {"method": "ridge", "ridge_samples": 500, "evaluation_samples": 50},
    "probe_theory": {"method": "theory", "kernel_samples": 200, "evaluation_samples": 50},
}
TRAIN = {"epochs": 2, "batch_size": 64, "learning_rate": [0.1], "optimizer": "sgd", "stop": "never"}


def expected(rule: str, depth: int = 20, gpu: bool = False, **changes) -> Cost:
    """Of a job like those of the experiments; `changes` of its sections."""
    sections = {
        "architecture": MLP,
        "run": RUN,
        "data": DATA,
        "probe": PROBES.get(rule, {}),
        "train": TRAIN,
        "options": {"pictures": 3},
    }
    parameters = {name: section | changes.get(name, {}) for name, section in sections.items()}
    return cost(rule, WORK[rule](parameters, {"point": f"w1.000000_b0.050000_d{depth:03d}"}), gpu)


@pytest.mark.parametrize("rule", [*PROBES, "train_network"])
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("depth", {"depth": 40}),
        ("width", {"architecture": {"width": 400}}),
        ("replicas", {"run": {"replicas": 12}}),
        ("precision", {"run": {"precision": "float64"}}),
        ("pixels", {"data": {"options": {"kind": "cifar10", "train_samples": 1000, "test_samples": 500}}}),
        ("samples", {"data": {"options": {"kind": "mnist", "train_samples": 30_000, "test_samples": 500}}}),
        ("evaluated", {"probe": {"evaluation_samples": 400}}),
        ("fitted", {"probe": {"kernel_samples": 900, "ridge_samples": 900}}),
        ("epochs", {"probe": {"epochs": 20}, "train": {"epochs": 20}}),
        ("batch", {"probe": {"batch_size": 4}, "train": {"batch_size": 4}}),
        ("rates", {"train": {"learning_rate": [0.1, 0.2, 0.4]}}),
    ],
)
def test_a_larger_job_takes_no_less(rule, name, changes):
    if "probe" in changes:
        changes = {**changes, "probe": {k: v for k, v in changes["probe"].items() if k in PROBES.get(rule, {})}}
    small, large = expected(rule), expected(rule, **changes)
    assert large.seconds >= small.seconds
    assert large.most_seconds >= small.most_seconds
    if name != "batch":  # a smaller one holds less
        assert large.memory_mb >= small.memory_mb
    grows = {
        "depth": (*PROBES, "train_network"),
        "width": ("probe_cascade", "probe_ridge", "train_network"),
        "epochs": ("probe_cascade", "train_network"),
        "rates": ("train_network",),
    }
    if rule in grows.get(name, ()):
        assert large.seconds > 1.3 * small.seconds - 0.5 * prices()["rules"][rule]["start"]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_size_of_every_kind_of_network_is_known(kind):
    own = {"layers": {"layers": [{"conv": 8}, {"flatten": True}, {"dense": 5, "repeat": "depth"}]}}
    options = {"kind": kind, **ARCHITECTURES[kind].defaults, **own.get(kind, {})}
    shallow, deep = (size_of(options, (32, 32, 3), depth) for depth in (2, 6))
    assert deep.depth >= shallow.depth > 0
    assert deep.products >= shallow.products > 0
    assert deep.pixels == 32 * 32 * 3


def test_sizes_are_those_of_the_networks_that_are_built():
    from infoflow.architectures.build import build_network
    from infoflow.engine.maps.map import units

    for kind, shape, depth in (
        ("mlp", (8, 8), 5),
        ("cnn", (28, 28), 6),
        ("resnet", (32, 32, 3), 4),
        ("vgg16", (64, 64, 3), 20),
    ):
        options = {"kind": kind, **ARCHITECTURES[kind].defaults}
        blocks = build_network(options, shape, 10, depth).blocks
        size = size_of(options, shape, depth)
        assert size.depth == len(blocks)
        weights = sum(
            math.prod(shape) for b in blocks for name, shape in b.forward.parameter_shapes.items() if "weight" in name
        )
        assert size.weights == weights
        assert size.pixels == units(blocks[0].forward.input_shape)


@pytest.mark.parametrize("row", range(len(TABLE)))
def test_memory_is_enough_and_at_most_twice(row):
    """Of what was measured: with the Snakemake that starts the job on a node."""
    told = TABLE[row]
    asked, used = memory_mb(estimate(told)), float(told["memory_mb"]) + memory_around()
    assert used <= asked <= max(2 * used, costs.LEAST_MEMORY_MB)


def estimate(told: dict) -> Cost:
    work = WORK[told["rule"]](json.loads(told["parameters"]), {"point": told["name"], "family": told["name"]})
    done = {term: amount * float(told["share"]) for term, amount in work.seconds.items()}
    return cost(told["rule"], Work(done, work.memory, work.disk, work.priced_as))


def test_times_are_those_measured_within_a_factor_of_two():
    ratios = {(t["rule"], t["name"]): estimate(t).seconds / float(t["cpu_seconds"]) for t in TABLE}
    off = {key: round(ratio, 2) for key, ratio in ratios.items() if not 0.5 <= ratio <= 2}
    assert len(off) <= NEVER_WITHIN * len(ratios), off
    # and the job that takes longest of a rule is within its limit of time
    assert all(float(t["cpu_seconds"]) <= 60 * minutes(estimate(t)) for t in TABLE)


def test_the_table_has_small_and_large_jobs_of_all_that_takes_long():
    sizes = {rule: [float(t["cpu_seconds"]) for t in TABLE if t["rule"] == rule] for rule in WORK}
    assert all(len(sizes[rule]) >= 4 for rule in ("probe_cascade", "probe_kernel", "probe_ridge", "train_network"))
    assert max(sizes["probe_cascade"]) > 20 * min(sizes["probe_cascade"])
    assert {t["machine"] for t in TABLE} == {prices()["machine"]}


def test_a_job_that_is_tried_again_gets_more():
    one = Cost(100.0, 3000.0, 2000.0, 0.0)
    assert [memory_mb(one, n) for n in (1, 2, 3)] == [memory_mb(one) * n for n in (1, 2, 3)]
    assert [minutes(one, n) for n in (1, 2, 3)] == [minutes(one) * n for n in (1, 2, 3)]
    assert minutes(one) >= costs.TIME_SAFETY * 3000 / 60


def test_there_is_a_floor_and_a_ceiling():
    nothing, endless = Cost(0.0, 0.0, 0.0, 0.0), Cost(1e9, 1e9, 0.0, 0.0)
    assert memory_mb(nothing) >= costs.LEAST_MEMORY_MB
    assert minutes(nothing) == costs.LEAST_MINUTES
    assert minutes(endless, 3) == costs.MOST_MINUTES


def test_a_rule_without_prices_gets_the_default():
    own = prices()["rules"]
    assert cost("of_my_own").memory_mb == own["default"]["memory_start"]
    assert cost("figure_of_my_own").seconds == own["figure"]["start"]
    assert cost("of_my_own").most_seconds >= max(
        about["start"]
        for rule, about in own.items()
        if not about["seconds"] and rule != "figure" and not rule.startswith("figure_") and "share" not in about
    )


def test_a_training_that_may_stop_early_is_given_time_for_all_epochs():
    early, whole = (expected("train_network", train={"stop": stop, "epochs": 200}) for stop in ("success", "never"))
    assert early.seconds < whole.seconds
    assert early.most_seconds == whole.most_seconds


def test_a_search_is_given_time_for_all_of_its_networks():
    training = {"architecture": MLP, "run": RUN, "data": DATA, "train": TRAIN | {"epochs": 50}}
    parameters = {"training": training, "run": RUN, "depths": [10, 20, 40], "data": DATA}
    search = cost("search_boundary", WORK["search_boundary"](parameters, {"point": "w1.000000_b0.050000_d040"}))
    every = sum(expected("train_network", depth, train={"epochs": 50}).seconds for depth in (10, 20, 40))
    start = prices()["rules"]["train_network"]["start"]
    assert search.most_seconds > every - 3 * start
    assert search.seconds < every


def test_on_a_gpu_arithmetic_is_faster_and_the_host_holds_more():
    large = {"data": {"options": {"kind": "mnist"}}, "architecture": {"width": 2000}, "run": {"replicas": 10}}
    cpu, gpu = (expected("train_network", gpu=gpu, **large) for gpu in (False, True))
    assert gpu.seconds < cpu.seconds
    assert gpu.memory_mb == cpu.memory_mb + costs.GPU_MEMORY_MB
    assert expected("train_network", gpu=True).seconds > costs.GPU_START
