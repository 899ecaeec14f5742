"""Resources of Snakemake's rules: computed from the size of a job, unless a user said otherwise."""

from types import SimpleNamespace

import pytest

from infoflow.jobs.costs import Work
from infoflow.jobs.resources import Costs, attach, has_gpu

POINT = {"point": "w1.000000_b0.050000_d010", "dataset": "digits"}


class Wildcards(dict):
    __getattr__ = dict.__getitem__


def rule(name="train_network", **resources) -> SimpleNamespace:
    asked = []

    def job(wildcards):
        asked.append(dict(wildcards))
        return {"depth": int(wildcards.point.rpartition("_d")[2])}

    return SimpleNamespace(name=name, params=SimpleNamespace(job=job), resources=dict(resources), asked=asked)


def workflow(*rules, **said) -> SimpleNamespace:
    return SimpleNamespace(rules=rules, resource_settings=SimpleNamespace(_parsed_overwrite_resources=said))


@pytest.fixture
def costs():
    return Costs({"train_network": lambda parameters, wildcards: Work({"products": 1e4 * parameters["depth"]})})


def test_every_rule_with_a_job_gets_resources(costs):
    with_job, target = rule(), SimpleNamespace(name="all", params=SimpleNamespace(), resources={})
    attach(workflow(with_job, target), costs)
    assert target.resources == {}
    found = with_job.resources
    assert {"mem_mb", "runtime", "expected_seconds"} <= set(found)
    assert found["mem_mb"](Wildcards(POINT), 2) == 2 * found["mem_mb"](Wildcards(POINT), 1)
    assert found["runtime"](Wildcards(POINT), 2) == 2 * found["runtime"](Wildcards(POINT), 1)
    seconds = found["expected_seconds"](Wildcards(POINT))
    assert isinstance(seconds, int)
    assert 1 <= seconds < 60 * found["runtime"](Wildcards(POINT), 1)


def test_jobs_that_are_alike_are_sized_once(costs):
    one = rule()
    attach(workflow(one), costs)
    for w in range(50):
        for depth in (10, 20):
            one.resources["mem_mb"](Wildcards(point=f"w{w}.000000_b0.050000_d{depth:03d}", dataset="digits"), 1)
    assert len(one.asked) == 2


@pytest.mark.parametrize(("said", "stays"), [("mem_mb", "mem_mb"), ("mem_mib", "mem_mb"), ("runtime", "runtime")])
def test_what_a_user_sets_stays(costs, said, stays):
    one = rule(**{said: 7})
    attach(workflow(one, train_network={said: 7}), costs)
    assert one.resources[said] == 7
    assert stays == said or stays not in one.resources
    assert callable(one.resources["expected_seconds"])


def test_a_module_may_name_the_rules_otherwise(costs):
    own, renamed = rule(), rule("infoflow_train_network")
    assert costs.of(renamed, Wildcards(POINT)) == costs.of(own, Wildcards(POINT))
    # and a rule whose name ends like another one is not that one
    assert costs.of(rule("merge_network_entropy"), {}).seconds < 5


@pytest.mark.parametrize(
    ("resources", "gpu"),
    [
        ({}, False),
        ({"gpu": "1"}, True),
        ({"gpu": 1}, True),
        ({"gpu": "0"}, False),
        ({"gres": "'shard:1'"}, True),
        ({"gres": "'scratch:10'"}, False),
    ],
)
def test_who_gets_a_gpu(resources, gpu):
    assert has_gpu(rule(**resources)) is gpu
