"""The job that sums up a run."""

import json

import pytest

from infoflow.errors import InfoflowError
from infoflow.jobs.job import Job
from infoflow.jobs.record import find_mark, mark
from infoflow.studies.summary.summarize import summarize
from made_up_summary import drawn


def test_the_job_writes_both_or_says_what_is_wrong(tmp_path):
    picture = drawn(tmp_path).picture
    caption = picture.with_suffix(".json")
    caption.write_text(json.dumps({"finding": "it is red", "caption": "Red."}))
    outputs = [str(tmp_path / name) for name in ("page.html", "lines.txt", "found.json")]
    job = Job("summarize", {"title": "a", "methods": {}, "links": {}}, {"captions": [str(caption)]}, outputs)
    summarize(job)
    assert "it is red" in (tmp_path / "page.html").read_text()
    assert (tmp_path / "lines.txt").read_text().endswith("figures: results/figures\n")
    bad = Job("summarize", job.parameters, {"cubes": [str(tmp_path / "none.nc")]}, outputs)
    with pytest.raises(InfoflowError, match="none.nc"):
        summarize(bad)
    assert {"page.html", "lines.txt"} < {p.name for p in tmp_path.iterdir()}
    assert find_mark(outputs[0]) == mark(job.parameters)
