"""`infoflow plan`, the same lines at the start of a run, and the resources of the jobs."""

import os
import re
import subprocess
import sys
from collections import Counter

from runs import PROBES, Checkout

THEORY = PROBES[0].format("probe_theory")


def plan_of(checkout: Checkout, *arguments: str) -> list[str]:
    """What `infoflow plan` says."""
    done = subprocess.run(
        [sys.executable, "-m", "infoflow.cli", "plan", *arguments],
        cwd=checkout.root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(checkout.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def table(lines: list[str]) -> dict[str, int]:
    """Jobs by rule."""
    head = next(k for k, line in enumerate(lines) if re.match(r"rule +jobs +time", line))
    rows = [line.split() for line in lines[head + 1 :]]
    return {row[0]: int(row[1]) for row in rows[: next((k for k, row in enumerate(rows) if not row), len(rows))]}


def jobs_said(lines: list[str]) -> int:
    return int(re.search(r"^to do: ([\d,]+) jobs?,", "\n".join(lines), re.MULTILINE)[1].replace(",", ""))


def test_the_plan_has_the_jobs_of_a_dry_run_and_says_at_the_start_what_it_takes(checkout):
    config = ("--configfile", "tiny.yaml")
    wanted = Counter()
    for rule, count in checkout.jobs("all_figures").items():
        wanted["figures" if rule.startswith("figure_") else rule] += count
    first = plan_of(checkout, *config, "--cores", "3", "--", "all_figures")
    assert table(first) == wanted
    assert jobs_said(first) == sum(wanted.values())
    assert first[1].endswith("with 3 cores")
    assert not (checkout.root / "results").exists()

    dry = checkout.run("--dry-run", THEORY)
    assert "to do:" not in dry
    # of the jobs, by their size
    assert re.search(r"mem_mb=\d+.*runtime=\d+.*expected_seconds=\d+", dry)
    done = checkout.run(THEORY)
    lines = done.splitlines()
    assert table(lines) == {"prepare_dataset": 1, "probe_theory": 1}
    assert jobs_said(lines) == 2
    assert done.index("to do: 2 jobs") < done.index("rule prepare_dataset:")

    # what is done is left out
    rest = plan_of(checkout, *config, "--", "all_figures")
    assert table(rest) == {
        rule: count - (rule == "probe_theory") for rule, count in wanted.items() if rule != "prepare_dataset"
    }


def test_what_a_user_sets_is_stronger(checkout):
    set_resources = ("--set-resources", "probe_theory:mem_mb=777")
    dry = checkout.run("--dry-run", THEORY, *set_resources, "--default-resources", "mem_mb=333", "runtime=44")
    blocks = dict(re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)\n", dry, re.MULTILINE))
    assert "mem_mb=777" in blocks["probe_theory"]
    # the defaults of a profile are of rules whose jobs have no size
    assert "mem_mb=333" not in blocks["prepare_dataset"]
    assert "runtime=44" not in blocks["prepare_dataset"]


def test_a_config_that_is_refused_has_no_plan(checkout):
    (checkout.root / "wrong.yaml").write_text("experimens: {}\n")
    done = subprocess.run(
        [sys.executable, "-m", "infoflow.cli", "plan", "--configfile", "wrong.yaml"],
        cwd=checkout.root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(checkout.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert "experimens" in done.stderr
    assert "error: there is no plan" in done.stderr
