"""The table that the verdict's rule is fitted to: a row per network that was measured, and then trained.

Columns: `network` and `family`, `seed`, whether it `learned`, baselines, which need no rule, and the features of
`infoflow.modules.verdict`.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

TABLE = Path(__file__).with_name("features.csv")
"""The one that the package's rule was fitted to."""
BASELINES = ("depth", "parameters", "gradient_ratio")
"""Higher for what is more likely to train: −depth, −parameters, −|ln of the squared gradient, first to last|."""
_NAMED = ("network", "family", "seed", "learned")


@dataclass(frozen=True)
class Table:
    """N networks.

    Attributes:
        networks, families: names [N]; seeds of a network have one name.
        seeds: [N].
        learned: [N] of bool.
        baselines: by name, [N].
        names: of the F features.
        features: [N, F].
    """

    networks: np.ndarray
    families: np.ndarray
    seeds: np.ndarray
    learned: np.ndarray
    baselines: Mapping[str, np.ndarray]
    names: tuple[str, ...]
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.learned)

    def without(self, names: Iterable[str]) -> "Table":
        """The table without some of the features."""
        gone = set(names)
        kept = [k for k, n in enumerate(self.names) if n not in gone]
        return replace(self, names=tuple(self.names[k] for k in kept), features=self.features[:, kept])


def make_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """From rows by column."""
    rows = list(rows)
    names = tuple(n for n in rows[0] if n not in (*_NAMED, *BASELINES))
    column = {n: np.array([r[n] for r in rows]) for n in (*_NAMED, *BASELINES)}
    return Table(
        networks=column["network"],
        families=column["family"],
        seeds=column["seed"].astype(int),
        learned=column["learned"].astype(int).astype(bool),
        baselines={n: column[n].astype(float) for n in BASELINES},
        names=names,
        features=np.array([[float(r[n]) for n in names] for r in rows]),
    )


def read_table(path: Path = TABLE) -> Table:
    """From a file of comma-separated values."""
    with path.open(newline="", encoding="utf-8") as file:
        return make_table(csv.DictReader(file))


def write_table(table: Table, path: Path) -> None:
    """To such a file, four digits of each number."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_NAMED, *BASELINES, *table.names])
        for k in range(len(table)):
            named = table.networks[k], table.families[k], table.seeds[k], int(table.learned[k])
            numbers: Sequence[float] = [*(table.baselines[n][k] for n in BASELINES), *table.features[k]]
            writer.writerow([*named, *(f"{v:.4g}" for v in numbers)])
