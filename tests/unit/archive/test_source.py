import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import ROOT
from infoflow.archive.source import archive_name, source_digest, source_files


@given(st.text() | st.text("aB3 ./\\\0-:σ", max_size=200))
def test_any_name_of_a_run_gives_a_safe_file_name(name):
    slug = archive_name(name)
    assert re.fullmatch("[A-Za-z0-9]+(-[A-Za-z0-9]+)*", slug)
    assert len(slug) <= 80
    assert archive_name(slug) == slug


@pytest.mark.parametrize(
    ("name", "slug"),
    [("../../etc/passwd", "etc-passwd"), ("für σ_w² = 2", "fur-w2-2"), ("…", "run"), ("x" * 500, "x" * 80)],
)
def test_names_of_runs(name, slug):
    assert archive_name(name) == slug


def test_the_digest_of_the_source_follows_names_and_contents(tmp_path):
    (tmp_path / "workflow/__pycache__").mkdir(parents=True)
    digests = []
    for name, content in [("a.py", "1\n"), ("a.py", "2\n"), ("b.py", "1\n"), ("b.py", "1\r\n")]:
        (tmp_path / "workflow" / name).write_bytes(content.encode())
        (tmp_path / "workflow/__pycache__/a.pyc").write_text(content)
        digests.append(source_digest(tmp_path))
    assert len({*digests}) == 3
    assert digests[2] == digests[3]


def test_the_source_is_all_that_a_run_needs_and_nothing_hidden():
    found = source_files(ROOT)
    assert {"Snakefile", "workflow/Snakefile", "workflow/schemas/config.schema.yaml", "config/config.yaml"} <= {*found}
    assert {"LICENSE", "CITATION.cff", "pyproject.toml", "envs/requirements.lock", "Makefile"} <= {*found}
    assert "workflow/src/infoflow/plan.py" in found
    assert not [name for name in found if "__pycache__" in name or "egg-info" in name or "/." in f"/{name}"]
    assert list(found) == sorted(found)
    assert all(path == ROOT / name for name, path in found.items())
