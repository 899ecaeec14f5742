"""Hostile configs in real runs of the workflow: nothing but its jobs is run, refusals are told in one line."""

from itertools import pairwise

import pytest
import yaml
from PIL import Image

from infoflow.studies.trainability.cube import read_trainability

HOSTILE = """{x} {{y}} $(touch pwned) `touch pwned`; touch pwned & 'q' "q" $x^ü <b> %s | * -rf"""


MANY = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in pairwise("abcdefghi")
)
"""Nine lines of YAML that stand for 400 million values."""


def traces(checkout) -> list:
    return [p for p in checkout.root.rglob("*") if p.name.startswith("pwned")]


def test_titles_and_paths_with_the_characters_of_shells_and_templates_run(checkout):
    """And names of the longest length, and with hyphens."""
    root = checkout.root / HOSTILE
    for number in range(24):
        path = root / HOSTILE / "ab"[number % 2] / f"{HOSTILE}{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (16, 16), 10 * number).save(path)
    long = "-".join(map(str, range(100, 124)))  # Snakemake takes no name of 20 equal parts
    data, network, experiment = "a-b_C9-", f"mlp-{long}-", f"figs_{long}"
    assert (len(network), len(experiment)) == (100, 100)
    checkout.configure(
        run={"name": HOSTILE, "replicas": 1},
        data_root=str(root),
        datasets={
            data: {"kind": "image_folder", "path": HOSTILE, "size": 8, "colour": False}
            | {
                "train_samples": 16,
                "test_samples": 8,
                "probe": {"kernel_samples": 8, "epochs": 1, "evaluation_samples": 8},
            }
        },
        architectures={network: {"kind": "mlp", "width": 8}},
        experiments={
            experiment: {"dataset": data, "architecture": network, "sigma_w2": [1.0], "sigma_b2": [-0.0], "depth": [2]}
            | {"truth": False}
        },
    )
    checkout.run(f"results/figures/{experiment}/entropy_maps.png", f"results/cubes/{experiment}.nc")
    assert read_trainability(checkout.root / f"results/cubes/{experiment}.nc").attrs["title"] == HOSTILE
    assert traces(checkout) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasets: {'a;touch pwned': {kind: digits}}", "config: datasets: 'a;touch pwned' cannot be a name"),
        ("experiments: {'{x}$(touch pwned)': {}}", "config: experiments: '{x}$(touch pwned)' cannot be a name"),
        ('architectures: {"a\\n": {kind: mlp}}', r"config: architectures: the key 'a\n' has line breaks"),
        ("architectures: {mlp: {kind: ../os}}", "config: architectures.mlp.kind: '../os' is not one of"),
        (
            "architectures: {a: {kind: module, factory: 'os:system', options: {command: touch pwned}}}",
            "config: architectures.a.factory: unknown factory 'os:system'",
        ),
        ('run: !!python/object/apply:os.system ["touch pwned"]', "not valid JSON or YAML"),
        ("run: !!python/name:os.system", "config: run: of type builtin_function_or_method is neither"),
        ('run: {name: \'?__import__("os").system("touch pwned")\', seed: -1}', "config: run.seed: -1"),
        (MANY, "more than 200000 values"),
        ("run: &a [*a]", "nested more than 20 levels deep"),
    ],
    ids=range(10),
)
def test_hostile_configs_are_refused_in_one_line_and_run_nothing(checkout, text, message):
    (checkout.root / "bad.yaml").write_text(text)
    done = checkout.snakemake("--dry-run", config="bad.yaml")
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert len([line for line in output.splitlines() if message in line]) == 1, output
    assert "Traceback" not in output
    assert traces(checkout) == []


def test_values_on_the_command_line_are_text(checkout):
    for value in ("!!python/object/apply:os.system ['touch pwned']", "__import__('os').system('touch pwned')", "{x}"):
        done = checkout.snakemake("--dry-run", "--config", f"data_root={value}")
        assert "Traceback" not in done.stdout + done.stderr
    assert traces(checkout) == []
    assert yaml.safe_load((checkout.root / "tiny.yaml").read_text())["run"]["name"] == "tiny"
