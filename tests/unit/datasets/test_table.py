import logging

import numpy as np
import pytest

from infoflow.datasets.images import load_images
from infoflow.errors import InfoflowError

OWN = {"kind": "table", "path": "own.csv", "train_samples": 6, "test_samples": 3}
ROWS = [(0.1 * k, 1 - 0.1 * k, ("a", "b ü")[k % 2]) for k in range(9)]


def write(path, text: str) -> dict:
    (path / "own.csv").write_text(text, encoding="utf-8")
    return OWN


def table(separator=",", point=".", head=("first", "second", "Species")) -> str:
    lines = [separator.join(head), *(separator.join(f"{v:.1f}" if i < 2 else v for i, v in enumerate(r)) for r in ROWS)]
    return "\n".join(lines).replace("0.", f"0{point}").replace("1.", f"1{point}") + "\n"


@pytest.mark.parametrize("text", [table(), table(";"), table(";", ","), table("\t"), "\ufeff" + table()])
def test_features_and_classes_of_tables_of_all_countries(tmp_path, text):
    images = load_images(write(tmp_path, text), tmp_path, 0)
    assert images.train_images.shape == (6, 2)
    assert images.class_names == ("a", "b ü")
    found = np.concatenate([images.train_images, images.test_images])
    labels = np.concatenate([images.train_labels, images.test_labels])
    order = found[:, 0].argsort()
    assert np.allclose(found[order], [row[:2] for row in ROWS])
    assert labels[order].tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]


def test_columns_are_chosen_and_a_first_line_of_numbers_is_a_sample(tmp_path):
    options = write(tmp_path, "".join(f"{k / 8},{k % 2},7\n" for k in range(9)))
    images = load_images(options | {"labels": "2", "columns": ["1"]}, tmp_path, 0)
    found = np.concatenate([images.train_images, images.test_images])
    assert np.allclose(np.sort(found, axis=0)[:, 0], np.arange(9) / 8)
    assert images.class_names == ("0", "1")
    images = load_images(options | {"labels": None, "range": [0, 7]}, tmp_path, 0)
    assert images.train_images.shape == (6, 3)
    assert images.train_labels is None


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        (
            table(head=("a", "b", "c")),
            {},
            "which column are the classes. It has a, b, c; set labels to one, or null",
        ),
        (table(), {"labels": "z"}, "it has no column z, but first, second, Species; correct labels"),
        (table(), {"columns": ["z"]}, "it has no column z, but first, second, Species; correct columns"),
        (table(), {"columns": ["Species"]}, "column Species is the label; leave it out of columns"),
        (table(), {"labels": "first"}, "column Species has text like 'a'; leave it out by columns"),
        (table().replace("0.3,", ","), {}, "column first is empty, or NA or the like, in 1 rows; fill it"),
        (
            table().replace(",a\n", ",\n", 1),
            {},
            "column Species is empty, or NA or the like, in 1 rows; fill or leave them out",
        ),
        (table().replace("0.3", "30.3"), {}, r"has values from 0 to 30.3, beyond \[0, 1\], .*or standardise: true"),
        (
            table(),
            {"labels": "first", "columns": ["second"]},
            "column first has 8 values like 0.1: these are no classes",
        ),
        (table() + "1,2,3,4,5\n", {}, "not a table .*; save it as CSV in UTF-8"),
        (table().replace("\n", ",1\n").replace(",1\n", "\n", 1), {}, "rows have more cells than the first line"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", {}, "a pointer of git LFS .*git lfs pull"),
        (table().encode("utf-16-le").decode("latin-1"), {}, "it has zero bytes, which no text in UTF-8 has"),
        ("", {}, "not a table"),
        ("a,b\n", {"labels": None}, "there is no row below its columns a, b"),
    ],
    ids=range(15),
)
def test_what_is_no_table_of_samples_is_told_in_one_line(tmp_path, text, more, message):
    with pytest.raises(InfoflowError, match=message) as refused:
        load_images(write(tmp_path, text) | more, tmp_path, 0)
    assert str(refused.value).startswith(str(tmp_path / "own.csv"))
    assert "\n" not in str(refused.value)


def test_what_pandas_writes_besides_is_no_feature(tmp_path, caplog):
    """Numbers of the rows, which tell the class where rows are in their order."""
    rows = table().splitlines()
    counted = "\n".join([f",{rows[0]}", *(f"{k},{row}" for k, row in enumerate(rows[1:]))])
    ended = "\n".join(f"{row}," for row in rows)
    for text in (counted, ended):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            found = load_images(write(tmp_path, text), tmp_path, 0)
        assert found.train_images.shape[1] == 2
        assert "a column without a name left out" in caplog.text


def test_other_files_are_refused_with_the_way_to_make_one(tmp_path):
    (tmp_path / "own.parquet").write_bytes(b"PAR1")
    with pytest.raises(
        InfoflowError, match=r"own.parquet: kind table reads .*; frame.to_csv\(path, index=False\) makes"
    ):
        load_images(OWN | {"path": "own.parquet"}, tmp_path, 0)
