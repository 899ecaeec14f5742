"""Numbers that the documents quote from files of this repository: each sentence is written again from the file.

A sentence that is not found was changed, or the file was: then the document has to say what the file says.
"""

import csv
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from book_pages import read_page, table_rows, unwrapped
from common import ROOT
from infoflow.modules.verdict import RULE
from infoflow.studies.check_calibration import truth
from infoflow.studies.check_calibration.fit import held_out
from infoflow.studies.check_calibration.table import read_table
from infoflow.verdict.auroc import auroc

REPLICAS = 3
SURE = 0.1
"""What was not trained has a label where its probability is below this, or above one minus this."""
EVIDENCE = {
    "evidence_mnist": "MNIST, MLP of width 100",
    "evidence_fashion_mnist": "FashionMNIST, likewise",
    "evidence_white_noise": "white noise, judged by MNIST",
    "evidence_cifar10": "CIFAR-10 in colour",
    "evidence_cifar10_grey": "CIFAR-10 in grey",
    "evidence_mnist_cnn": "MNIST, CNN of 16",
    "evidence_fashion_mnist_cnn": "FashionMNIST, likewise a CNN",
    "evidence_cifar10_cnn": "CIFAR-10, likewise a CNN",
    "evidence_mnist_resnet": "MNIST, ResNet of 16",
    "evidence_fashion_mnist_resnet": "FashionMNIST, likewise a ResNet",
    "evidence_cifar10_resnet": "CIFAR-10, likewise a ResNet",
}
"""Of docs/evidence.csv, by grid: how its row begins in the tables of README and results."""
COUNTED = {19: "Nineteen"}
WITHIN_DEPTH = "One cheap probe of the untrained network predicts whether it can be trained"


def bracketed(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


@cache
def evidence() -> dict[str, tuple[np.ndarray, np.ndarray, int]]:
    """Of docs/evidence.csv, by grid: labels and depths of the networks that have a label, and how many were trained."""
    found: dict[str, tuple[list, list, list]] = {name: ([], [], []) for name in EVIDENCE}
    with (ROOT / "docs/evidence.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            labels, depths, trained = found[row["experiment"]]
            ran, well, probability = int(row["trained"]), int(row["trainable"]), float(row["train_probability"])
            own = [True] * well + [False] * (ran - well)
            if not SURE <= probability <= 1 - SURE:
                own += [probability > 0.5] * (REPLICAS - ran)
            labels += own
            depths += [int(row["depth"])] * len(own)
            trained.append(ran)
    return {
        name: (np.array(labels), np.array(depths), sum(trained)) for name, (labels, depths, trained) in found.items()
    }


def listed(values: list) -> str:
    """1, 2, 3 and 4."""
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}"


def from_evidence() -> Iterator[tuple[str, str]]:
    labels, depths, _ = evidence()["evidence_mnist"]
    yield "docs/results.md", f"on MNIST −depth alone has an AUROC of {auroc(-depths.astype(float), labels):.3f}"


def from_rule() -> Iterator[tuple[str, str]]:
    rules = json.loads(RULE.read_text())
    of = {name: rule["about"]["held_out_auroc"] for name, rule in rules.items()}
    baselines = rules["first steps"]["about"]["baselines"]
    yield "README.md", f"AUROC {bracketed(*of['first steps'])}, counting layers {baselines['depth'][0]:.2f}"
    for said, found in (
        ("verdict of `check`", of["first steps"]),
        ("the same without the first steps", of["initialisation alone"]),
        ("−change of the squared gradient, first to last", baselines["gradient_ratio"]),
        ("−depth", baselines["depth"]),
        ("−parameters", baselines["parameters"]),
        ("*ceiling*: the same network, drawn again and trained", baselines["other_draws"]),
    ):
        yield "docs/results.md", f"| {said} | {bracketed(*found)} |"


def from_features() -> Iterator[tuple[str, str]]:
    table = read_table()
    odds = held_out(table)
    high, low = odds > np.log(4), odds < -np.log(4)  # 0.8 and 0.2
    families, networks = np.unique(table.families), np.unique(table.networks)
    for page in ("docs/results.md", "config/check.yaml"):
        yield page, f"{len(networks)} small networks of {len(families)} families"
    yield (
        "docs/results.md",
        f"of {high.sum()} networks that were given more than 0.8, {100 * table.learned[high].mean():.0f} % learned, "
        f"of {low.sum()} that were given less than 0.2, {100 * table.learned[low].mean():.0f} %",
    )
    within = {name: auroc(odds[own], table.learned[own]) for name in families if (own := table.families == name).any()}
    yield "docs/results.md", f"(AUROC {min(within.values()):.2f} to {max(within.values()):.2f})"
    worst = sorted(within, key=within.get)[:3]
    assert worst == ["transformer_pre", "dying", "mlp_images"]
    before, dying, images = (f"{within[name]:.2f}" for name in worst)
    yield (
        "docs/results.md",
        f"least good at transformers with the norm before (AUROC within the family {before}), outputs that die late "
        f"({dying}) and larger images ({images})",
    )


def from_truth() -> Iterator[tuple[str, str]]:
    with Path(truth.__file__).with_name("truth_cases.csv").open(newline="") as file:
        names = {row["name"] for row in csv.DictReader(file)}
    yield "docs/results.md", f"**{COUNTED[len(names)]} networks that were reported not to train**"


@cache
def claims() -> dict[str, tuple[float, ...]]:
    """Value and interval of the claims of docs/claims.md that have both, by their sentence."""
    found = {}
    for table in table_rows(read_page("docs/claims.md")):
        for row in table:
            numbers = [float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", row[2])]
            if len(numbers) == 3:
                found[row[1].split(". (")[0]] = tuple(numbers)
    return found


SOURCES = (from_evidence, from_rule, from_features, from_truth)


@pytest.mark.parametrize("source", SOURCES)
def test_documents_quote_what_the_files_say(source):
    sentences = list(source())
    assert sentences
    for page, sentence in sentences:
        assert sentence in unwrapped(page), f"{page} should say: {sentence}"


def rows_of(page: str, start: str) -> list[list[str]]:
    return [row for table in table_rows(read_page(page)) for row in table if row[0].startswith(start)]


@pytest.mark.parametrize(
    ("claim", "row"),
    [
        ("H of the kernel cascade predicts whether a network can be trained", "digits, MLP of width 64"),
        ("H of the kernel cascade predicts whether a network can be trained", "kernel cascade: H"),
        (f"{WITHIN_DEPTH}: MNIST", "MNIST, MLP of width 100"),
        (f"{WITHIN_DEPTH}: Fashion-MNIST", "FashionMNIST, likewise"),
        (f"{WITHIN_DEPTH}: MNIST, convolutional networks", "MNIST, CNN of 16 channels"),
    ],
)
def test_tables_have_what_docs_claims_has(claim, row):
    """Value and interval of the claim are one of the cells, as far as both are rounded."""
    found = [rows for page in ("README.md", "docs/results.md") if (rows := rows_of(page, row))]
    assert found, row
    for rows in found:
        numbers = [[float(n) for n in re.findall(r"\d\.\d+", cell)] for cells in rows for cell in cells]
        near = [n for n in numbers if len(n) == 3 and np.allclose(n, claims()[claim], atol=6e-4, rtol=0)]
        assert near, f"{rows}, docs/claims.md: {claims()[claim]}"


def row_of(table: list[list[str]], name: str) -> list[str]:
    """The row that begins like that, and goes on no further than one other row does."""
    return min((row for row in table if row[0].startswith(name)), key=lambda row: len(row[0]))


@pytest.mark.parametrize("grid", EVIDENCE)
def test_counting_layers_is_as_good_as_the_tables_say(grid):
    """The column of −depth in README and results, of docs/evidence.csv."""
    labels, depths, _ = evidence()[grid]
    for page, title in (("README.md", "counting layers"), ("docs/results.md", "−depth")):
        (table,) = (t for t in table_rows(read_page(page)) if t[0][0] == "grid" and title in t[0])
        found = row_of(table, EVIDENCE[grid])[table[0].index(title)]
        assert found == f"{auroc(-depths.astype(float), labels):.3f}", page


@pytest.mark.parametrize("grid", EVIDENCE)
def test_as_many_networks_were_trained_as_the_tables_say(grid):
    labels, _, trained = evidence()[grid]
    (table,) = (t for t in table_rows(read_page("docs/results.md")) if t[0][:2] == ["grid", "networks"])
    assert row_of(table, EVIDENCE[grid])[1:4] == [str(len(labels)), str(trained), f"{100 * labels.mean():.0f} %"]
