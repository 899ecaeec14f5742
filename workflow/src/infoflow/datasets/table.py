"""A table of the user's own: CSV, one sample per row, one feature per column, and a column of classes."""

import gzip
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from infoflow.datasets._own import Part, find_file, listed, make_images
from infoflow.datasets.images import Images
from infoflow.errors import InfoflowError

logger = logging.getLogger(__name__)

SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
SEPARATORS = ",;\t|"
LABELS = ("label", "labels", "target", "targets", "class", "y", "species")
"""Usual names of the column of classes, in any case."""
_LONGEST_LINE = 2**24


def load(options: Mapping[str, Any], data_root: Path, seed: int) -> Images:
    """`train_samples` and `test_samples` rows of `path`, chosen at random, each class in proportion.

    Images are [M, feature]. The separator is found: comma, semicolon (then numbers may have decimal commas), tab or
    bar. A first line that is all numbers is a sample, and the columns are then called 1, 2, ...

    Args:
        options: `labels`, the column of classes, null for none; `columns`, those of the features, by default all
            others; `range` or `standardise`, see `_own.scale`.
        data_root: what a relative path starts from.

    Raises:
        InfoflowError: the file cannot be read, or a feature is no number; the message names the column.
    """
    remedy = "frame.to_csv(path, index=False) makes one of a pandas frame; of arrays, choose kind arrays"
    path = find_file(options, data_root, SUFFIXES, remedy)
    table = _read(path)
    columns = [str(name) for name in table.columns]
    labels = _labels(path, columns, options)
    features = options.get("columns", [name for name in columns if name != labels])
    if missing := [name for name in features if name not in columns]:
        raise InfoflowError(f"{path}: it has no column {missing[0]}, but {listed(columns)}; correct columns")
    if labels in features:
        raise InfoflowError(f"{path}: column {labels} is the label; leave it out of columns")
    values = np.empty((len(table), len(features)), np.float32)
    for k, name in enumerate(features):
        values[:, k] = _numbers(path, name, table[name])
    classes = None
    if labels is not None:
        classes = table[labels].to_numpy()
        if (empty := int(table[labels].isna().sum())) > 0:
            raise InfoflowError(
                f"{path}: column {labels} is empty, or NA or the like, in {empty} rows; fill or leave them out"
            )
        classes = classes if classes.dtype.kind in "buif" else classes.astype(str)
    part = Part(values, classes, "the table", f"column {labels}")
    return make_images(path, options, (part,), seed)


def _read(path: Path) -> pandas.DataFrame:
    try:
        with (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rt", encoding="utf-8-sig") as file:
            first = file.readline(_LONGEST_LINE).strip()
        separator = max(SEPARATORS, key=first.count)
        number = float if separator != ";" else lambda text: float(text.replace(",", "."))
        cells = [cell.strip().strip('"') for cell in first.split(separator)]
        headless = all(_is(number, cell) for cell in cells)
        options = {"sep": separator, "header": None if headless else 0, "encoding": "utf-8-sig", "index_col": False}
        options["skipinitialspace"] = True
        if "\0" in first:
            raise ValueError("it has zero bytes, which no text in UTF-8 has")
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)  # of cells beyond the header, which it cuts off
            table = pandas.read_csv(path, **options)
            comma = pandas.read_csv(path, **options, decimal=",") if separator == ";" else table
        if separator == ";":
            table = max(table, comma, key=lambda t: sum(kind.kind in "buif" for kind in t.dtypes))
    except pandas.errors.ParserWarning as error:
        raise InfoflowError(
            f"{path}: rows have more cells than the first line has names; let that name all columns, and quote texts "
            "that have separators in them"
        ) from error
    except (OSError, ValueError, EOFError) as error:  # of pandas all parsers' errors are ValueErrors
        told = " ".join(str(error).split())
        raise InfoflowError(f"{path}: not a table ({told}); save it as CSV in UTF-8, one sample per row") from error
    if headless:
        table.columns = [str(k) for k in range(1, table.shape[1] + 1)]
    table.columns = [str(name).strip() for name in table.columns]
    for name in [] if headless else [n for n in table.columns if n.startswith("Unnamed: ")]:
        column = table[name]
        if column.isna().all() or (len(column) > 1 and np.array_equal(column, np.arange(len(column)) + column.iloc[0])):
            logger.info("%s: a column without a name left out, which is empty or counts the rows", path)
            table = table.drop(columns=name)
    if not len(table):
        raise InfoflowError(f"{path}: there is no row below its columns {listed(list(table.columns))}; add samples")
    return table


def _is(number: Any, cell: str) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True


def _labels(path: Path, columns: list[str], options: Mapping[str, Any]) -> str | None:
    if "labels" in options:
        if options["labels"] not in (None, *columns):
            raise InfoflowError(f"{path}: it has no column {options['labels']}, but {listed(columns)}; correct labels")
        return options["labels"]
    found = [name for name in columns if name.lower() in LABELS]
    if len(found) != 1:
        raise InfoflowError(
            f"{path}: which column are the classes? It has {listed(columns)}; set labels to one, or null to "
            "probe only; a first line that has names or text is taken for the header"
        )
    return found[0]


def _numbers(path: Path, name: str, column: pandas.Series) -> np.ndarray:
    if column.dtype.kind not in "buif":
        text = next(value for value in column if not isinstance(value, int | float))
        raise InfoflowError(
            f"{path}: column {name} has text like {text!r}; leave it out by columns, or make numbers of it"
        )
    if empty := int(column.isna().sum()):
        raise InfoflowError(
            f"{path}: column {name} is empty, or NA or the like, in {empty} rows; fill it, or leave it out by columns"
        )
    return column.to_numpy(np.float64)
