"""What the jobs of every rule took: processor and GPU seconds, memory."""

import json
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from infoflow.figures.say import listed, say
from infoflow.studies.trainability.experiment import Experiment
from infoflow.studies.trainability.figures._shared import title

ORDER = ("prepare_dataset", "probe_", "evaluate_", "train_network", "merge_cube")
"""Rules, or how their names begin, in the order in which they run."""


def draw(cube: xr.Dataset, experiment: Experiment, probes: Mapping) -> Figure:
    """Bars by rule: left, seconds of all its jobs; right, the largest memory of one."""
    cost = json.loads(cube.attrs["cost"])
    rules = sorted(cost, key=_position)
    on_gpu = any(cost[rule]["gpu_seconds"] for rule in rules)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 1.6 + 0.36 * len(rules)), width_ratios=(1.2, 1))
    draw_bars(left, cost, rules, {"cpu_seconds": "CPU", "gpu_seconds": "GPU"}, on_gpu)
    left.set(xlabel="seconds of all jobs (CPU: of all threads)")
    left.set_yticks(range(len(rules)), [_label(rule, cost[rule]["jobs"]) for rule in rules])
    draw_bars(right, cost, rules, {"peak_memory_mb": "memory", "gpu_peak_memory_mb": "GPU memory"}, on_gpu)
    right.set(xlabel="largest memory of a job, MB")
    right.set_yticks(range(len(rules)), [])
    total = {clock: sum(cost[rule][f"{clock}_seconds"] for rule in rules) for clock in ("cpu", "gpu")}
    spent = f"CPU {_duration(total['cpu'])}" + (f", GPU {_duration(total['gpu'])}" if on_gpu else "")
    ratios = [
        f"1 : {1 / ratio:.2g} by {rule.removeprefix('probe_')}"
        for rule, ratio in json.loads(cube.attrs["probing_to_training"]).items()
    ]
    finding = f"The jobs of the cube took {spent}" + (f"; probing : training = {listed(ratios)}" if ratios else "")
    caption = (
        "Left: seconds of all jobs of a rule: of processors, of all threads, and of jobs that held a GPU; right: the "
        "largest memory of one job. The start of a job is included: whoever asks what the computation alone takes "
        "finds it in figure cost, with other ratios. Attempts that failed are not counted."
    )
    return say(figure, finding, caption, title(cube, experiment))


def draw_bars(
    ax: Axes, cost: Mapping[str, Mapping[str, float]], rules: list[str], kinds: Mapping[str, str], on_gpu: bool
) -> None:
    """One bar per rule, or two where GPUs were used, each with its number."""
    shown = list(kinds.items())[: 2 if on_gpu else 1]
    height = 0.8 / len(shown)
    for (key, label), (colour, hatch), k in zip(shown, (("#0b0b4f", ""), ("#d9a066", "//")), range(2)):
        values = np.array([cost[rule][key] for rule in rules])
        where = np.arange(len(rules)) + height * (k - (len(shown) - 1) / 2)
        bars = ax.barh(where, values, height, color=colour, hatch=hatch, edgecolor="white", label=label)
        ax.bar_label(bars, [_number(v) for v in values], padding=3, fontsize=8)
    ax.invert_yaxis()
    ax.margins(x=0.22)
    if on_gpu:
        ax.legend(loc="lower right")


def _number(value: float) -> str:
    if value == 0:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _position(rule: str) -> tuple[int, str]:
    return next((k for k, start in enumerate(ORDER) if rule.startswith(start)), len(ORDER)), rule


def _label(rule: str, jobs: float) -> str:
    return f"{rule} ({jobs:.0f} job{'' if jobs == 1 else 's'})"


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
