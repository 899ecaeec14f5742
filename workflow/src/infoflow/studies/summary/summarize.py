"""The job that sums up a run: a page, the lines that the terminal ends with, and both as a JSON file."""

import json
from dataclasses import asdict
from pathlib import Path

from infoflow.files.cubes import read_cube
from infoflow.files.results import replaced
from infoflow.jobs.captions import read_caption
from infoflow.jobs.job import Job
from infoflow.jobs.record import mark
from infoflow.studies.summary.findings import closing_lines, failing, read_card
from infoflow.studies.summary.page import Drawn, write_page
from infoflow.studies.trainability.cube import read_trainability


def summarize(job: Job) -> None:
    """Write the page and the JSON file, which bear the mark of the job's parameters, and the lines.

    Parameters of the job: `title` of the run; `methods`, see `findings.read_card`; `links` of the page.
    """
    cubes = {Path(path).stem: path for path in job.files("cubes")}
    cards = [read_card(name, read_trainability(path), job["methods"]) for name, path in cubes.items()]
    claims, counts = failing(read_cube(job.files("claims")[0])) if job.files("claims") else ([], {})
    page, lines, found = job.outputs
    figures = [_drawn(Path(path)) for path in job.files("captions")]
    told = closing_lines(cards, counts, page, "results/figures")
    text = write_page(job["title"], cards, claims, counts, figures, job["links"])
    told_again = {"made_by": mark(job.parameters), "title": job["title"], "cards": [asdict(card) for card in cards]}
    told_again |= {"claims": counts, "failing": [asdict(claim) for claim in claims]}
    texts = {page: f"{text}<!-- {mark(job.parameters)} -->\n", lines: "\n".join(told) + "\n"}
    texts[found] = json.dumps(told_again, ensure_ascii=False, indent=1) + "\n"
    for path, text in texts.items():
        with replaced(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _drawn(path: Path) -> Drawn:
    told = read_caption(path)
    finding = told["finding"] or told["title"]
    return Drawn(path.parent.name, path.stem, finding, told["caption"], path.with_suffix(".png"))
