import json
import subprocess
import sys
import textwrap

import pytest

from infoflow.errors import InfoflowError
from infoflow.jobs.record import add_costs, check_parameters, describe_job, probing_to_training

PARAMETERS = {"probe": {"learning_rate": 0.001, "shape": (8, 8)}, "code": "abc"}


def test_results_of_the_same_parameters_are_accepted():
    # tuples and lists, integers and floats of one value are one thing to a file
    again = {"code": "abc", "probe": {"shape": [8, 8.0], "learning_rate": 1e-3}}
    check_parameters("a.nc", describe_job("probe_cascade", PARAMETERS), again)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (
            {**PARAMETERS, "probe": {"learning_rate": 0.002, "shape": (8, 8)}},
            "a.nc: made with probe.learning_rate = 0.001, not 0.002; delete it and run again",
        ),
        ({**PARAMETERS, "code": "abd"}, "a.nc: made with code = abc, not abd;"),
        ({"code": "abc"}, "a.nc: made with probe.learning_rate = 0.001, not None;"),
        ({**PARAMETERS, "seed": 0}, "a.nc: made with seed = None, not 0;"),
    ],
)
def test_results_of_other_parameters_are_refused_by_name(expected, message):
    with pytest.raises(InfoflowError, match=message.replace(".", r"\.")):
        check_parameters("a.nc", describe_job("probe_cascade", PARAMETERS), expected)


def test_what_does_not_say_how_it_was_made_is_refused():
    with pytest.raises(InfoflowError, match=r"a\.nc: made with"):
        check_parameters("a.nc", {}, PARAMETERS)


def test_the_cost_of_a_process_is_measured():
    script = """
        import time
        import numpy as np
        from infoflow.jobs.record import spent
        held = np.ones(50_000_000)  # 381 MiB
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        time.sleep(0.5)
        print(spent("train_network", spent("prepare_dataset")))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    cost = json.loads(done.stdout)
    assert set(cost) == {"prepare_dataset", "train_network"}
    known = cost["train_network"]
    assert known["jobs"] == 1
    assert 0.5 <= known["cpu_seconds"] < 5
    assert known["wall_seconds"] >= known["cpu_seconds"] / 2 + 0.5
    assert 381 < known["peak_memory_mb"] < 600
    assert known["gpu_seconds"] == known["gpu_peak_memory_mb"] == 0


def test_what_a_parent_held_does_not_count_as_memory_of_the_job():
    script = """
        import subprocess, sys
        import numpy as np
        held = np.ones(50_000_000)
        child = "from infoflow.jobs.record import spent; print(spent('merge_cube'))"
        print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["merge_cube"]["peak_memory_mb"] < 100


def costs(cpu: float, gpu: float, memory: float) -> dict[str, float]:
    return {"jobs": 1, "cpu_seconds": cpu, "wall_seconds": cpu, "gpu_seconds": gpu, "peak_memory_mb": memory}


def recorded(**rules) -> dict[str, str]:
    return {"cost": json.dumps({rule: costs(*values) for rule, values in rules.items()})}


def test_costs_add_up_and_of_the_memory_the_largest_is_kept():
    total = add_costs(
        [
            recorded(probe_cascade=(2.0, 0.0, 300.0), evaluate_kl=(1.0, 0.0, 50.0)),
            recorded(probe_cascade=(4.0, 0.0, 200.0)),
            recorded(train_network=(12.0, 0.0, 400.0)),
            {},
        ]
    )
    assert total["probe_cascade"] == {**costs(6.0, 0.0, 300.0), "jobs": 2}
    assert total["train_network"] == costs(12.0, 0.0, 400.0)
    assert probing_to_training(total) == {"probe_cascade": 0.5}


def test_the_ratio_is_that_of_gpu_seconds_where_both_used_a_gpu():
    total = add_costs(
        [recorded(probe_cascade=(1.0, 2.0, 1.0), probe_ridge=(3.0, 0.0, 1.0), train_network=(6.0, 8.0, 1.0))]
    )
    assert probing_to_training(total) == {"probe_cascade": 0.25, "probe_ridge": 0.5}
    assert probing_to_training(add_costs([recorded(probe_cascade=(1.0, 2.0, 1.0))])) == {}
