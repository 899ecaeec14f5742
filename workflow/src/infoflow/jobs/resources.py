"""Resources that follow the point: what every job asks for is what its size is expected to take.

Standard library only: the workflow imports this when it is parsed. A job is sized once per kind of it: the size depends
on no variance.
"""

import logging
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

from infoflow.jobs.costs import Cost, Work, cost, memory_mb, minutes, prices

logger = logging.getLogger(__name__)

_OF_GPUS = ("gpu", "gpus", "gres")
_SHARES = ("gpu", "shard", "mps")
_SAME = {"mem_mb": ("mem", "mem_mb", "mem_mib", "mem_mb_per_cpu"), "runtime": ("runtime",)}
"""Names under which a user asks for the same."""


class Costs:
    """What the jobs of a workflow are expected to take.

    Args:
        work: by rule, the work of a job from its parameters and wildcards, `Plan.work`.
    """

    def __init__(self, work: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], Work]]):
        self._work = work
        self._known: dict[tuple, Cost] = {}
        self._named: dict[str, str] = {}

    def of(self, rule: Any, wildcards: Mapping[str, str]) -> Cost:
        """The cost of one job.

        Args:
            rule: Snakemake's.
            wildcards: of the job.
        """
        alike = tuple(value.rpartition("_d")[2] if name == "point" else value for name, value in wildcards.items())
        key = (rule.name, alike)
        if key not in self._known:
            self._known[key] = self._cost(rule, wildcards)
        return self._known[key]

    def _cost(self, rule: Any, wildcards: Mapping[str, str]) -> Cost:
        name = self._name(rule.name)
        if name not in self._work:
            return cost(name)
        given = getattr(rule.params, "job", None)
        parameters = given(_Wildcards(wildcards)) if callable(given) else given
        return cost(name, self._work[name](parameters, wildcards), has_gpu(rule))

    def _name(self, rule: str) -> str:
        """Of the rule; where the workflow is a module of another one, its name there has a prefix."""
        if rule not in self._named:
            ends = [known for known in (*self._work, *prices()["rules"]) if f"_{rule}".endswith(f"_{known}")]
            self._named[rule] = max(ends, key=len, default=rule)
        return self._named[rule]


class _Wildcards(dict):
    """As attributes, too."""

    __getattr__ = dict.__getitem__


def attach(workflow: Any, costs: Costs) -> None:
    """Give every rule that has a job the resources mem_mb, runtime (minutes) and expected_seconds.

    What `set-resources` of a profile or of the command line says of a rule stays; default resources give way.
    """
    settings = workflow.resource_settings
    for rule in workflow.rules:
        if not hasattr(rule.params, "job"):
            continue
        said = getattr(settings, "_parsed_overwrite_resources", {}).get(rule.name, {})
        for name, resource in _resources(costs, rule).items():
            if not any(same in said for same in _SAME.get(name, (name,))):
                rule.resources[name] = resource


def _resources(costs: Costs, rule: Any) -> dict[str, Callable[..., int]]:
    last: list[Any] = [None, None]

    def expected(wildcards: Any) -> Cost:
        """Of a job: it is asked for all of its resources in turn."""
        if wildcards is not last[0]:
            last[:] = wildcards, costs.of(rule, dict(wildcards.items()))
        return last[1]

    return {
        "mem_mb": lambda wildcards, attempt: memory_mb(expected(wildcards), attempt),
        "runtime": lambda wildcards, attempt: minutes(expected(wildcards), attempt),
        "expected_seconds": lambda wildcards: max(1, math.ceil(expected(wildcards).seconds)),
    }


def has_gpu(rule: Any) -> bool:
    """Whether the jobs of a rule get a GPU, or a part of one."""
    for name in _OF_GPUS:
        if (asked := _said(rule.resources, name)) and (name != "gres" or any(share in asked for share in _SHARES)):
            return asked != "0"
    return False


def _said(resources: Any, name: str) -> str:
    try:
        resource = resources[name]
    except KeyError:
        return ""
    said = getattr(resource, "raw", None)
    if said is None:
        said = getattr(resource, "_value", resource)
    return os.path.expandvars(str(said)).strip("'\"") if said is not None else ""
