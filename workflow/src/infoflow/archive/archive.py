"""The archive of a run, to put beside a paper: a zip file that is a Workflow Run RO-Crate (RO-Crate 1.1).

| member | |
|---|---|
| cubes/, figures/<experiment>/ | the results |
| explorer.html | all experiments in one page for a browser, if there are any |
| config.json | the config with all defaults |
| source/ | the workflow, the package, profiles, environments |
| cost.json | what the jobs of every rule took |
| software.json | versions of the software, digest of the source |
| README.md, LICENSE, CITATION.cff | for its reader |
| ro-crate-metadata.json | what every file is, its size and SHA-256; what made it, when, from which data |
| checksums.sha256 | SHA-256 of all others, for `sha256sum -c` |

`verify` checks one.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infoflow.archive.crate import (
    CONFIG,
    COST,
    MAIN_WORKFLOW,
    MANIFEST,
    METADATA,
    SOFTWARE,
    SOURCE,
    describe_crate,
    write_readme,
)
from infoflow.archive.source import source_digest, source_files
from infoflow.errors import InfoflowError
from infoflow.files.cubes import read_cube
from infoflow.files.results import replaced
from infoflow.jobs.job import Job
from infoflow.jobs.provenance import PACKAGE, software
from infoflow.jobs.record import add_costs, probing_to_training

_NEEDED = (MAIN_WORKFLOW, "LICENSE", "CITATION.cff")


def archive(job: Job) -> None:
    """Write the archive of a run; whole or not at all, and the same bytes for the same files.

    Parameters of the job: `config` of the run; `made_by`, by the name of a cube, the parameters that it has to be made
    with; `data`, see `crate.Data`; `began`, logs of the first jobs: when they ended is when the run began, to our
    knowledge, if they are still there.

    Raises:
        InfoflowError: a cube is damaged or was made with other parameters than those of the config, or a file is
            missing.
    """
    write_archive(job.output, job, PACKAGE.parents[2], software())


def write_archive(path: str | Path, job: Job, root: str | Path, versions_now: Mapping[str, str]) -> None:
    """`archive` of the workflow in a directory, to any file.

    Args:
        root: directory of the workflow's source.
        versions_now: of the software.
    """
    source = source_files(root)
    for name in _NEEDED:
        if name not in source:
            raise InfoflowError(f"{Path(root) / name}: is missing; an archive needs it")
    cubes, figures, pages, config = job.files("cubes"), job.files("figures"), job.files("pages"), job["config"]
    attributes = {Path(f).stem: read_cube(f, job["made_by"][Path(f).stem]).attrs for f in cubes}
    results = [Path(f) for f in (*cubes, *figures, *pages)]
    for file in results:
        if not file.is_file():
            raise InfoflowError(f"{file}: is missing; make it with `snakemake all_figures`")
    start, end = _span(results, job["began"])
    versions = {
        "archive": dict(versions_now),
        "cubes": {name: {k: str(a[k]) for k in a if _names_software(k)} for name, a in attributes.items()},
        "source_sha256": source_digest(root),
    }
    members: dict[str, Path | bytes] = {
        "README.md": write_readme(config, job["data"], end, versions).encode(),
        "LICENSE": source["LICENSE"],
        "CITATION.cff": source["CITATION.cff"],
        CONFIG: _json(config),
        SOFTWARE: _json(versions),
        COST: _json(cost_summary(attributes)),
        **{f"cubes/{Path(f).name}": Path(f) for f in cubes},
        **{f"figures/{Path(f).parent.name}/{Path(f).name}": Path(f) for f in figures},
        **{Path(f).name: Path(f) for f in pages},
        **{f"{SOURCE}/{name}": file for name, file in source.items()},
    }
    with replaced(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
        held = {name: _add(file, name, content, end) for name, content in members.items()}
        crate = describe_crate(held, config, job["data"], source["CITATION.cff"], versions_now, start, end)
        held[METADATA] = _add(file, METADATA, _json(crate), end)
        lines = "".join(f"{held[name][1]}  {name}\n" for name in sorted(held))
        _add(file, MANIFEST, lines.encode(), end)


def cost_summary(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the jobs of every rule took (`record.spent`), per cube and in total.

    Args:
        attributes: global attributes of the cubes, by name. Those that do not record their cost are left out.

    Trainings that judge two cubes count in both.
    """
    known = {name: of_cube for name, of_cube in attributes.items() if "cost" in of_cube}

    def summary(cubes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        cost = add_costs(cubes)
        return {"rules": cost, "probing_to_training": probing_to_training(cost)}

    return {
        "cubes": {name: summary([of_cube]) for name, of_cube in known.items()},
        "total": summary(known.values()),
    }


def _span(results: Iterable[Path], logs: Iterable[str]) -> tuple[datetime, datetime]:
    """When the run began and ended, as far as its files tell."""
    times = [file.stat().st_mtime for file in results]
    began = min([*times, *(Path(f).stat().st_mtime for f in logs if Path(f).is_file())])
    return datetime.fromtimestamp(int(began), UTC), datetime.fromtimestamp(int(max(times)), UTC)


def _names_software(attribute: str) -> bool:
    return attribute.endswith("_version") or attribute.startswith("git_") or attribute == "device"


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _add(archive: zipfile.ZipFile, name: str, content: Path | bytes, when: datetime) -> tuple[int, str]:
    """Add a member; its size and SHA-256 are those of the bytes that were written."""
    info = zipfile.ZipInfo(name, when.timetuple()[:6])
    info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
    info.file_size = len(content) if isinstance(content, bytes) else content.stat().st_size
    size, digest = 0, hashlib.sha256()
    with archive.open(info, "w") as member:
        for chunk in _chunks(content):
            size += len(chunk)
            digest.update(chunk)
            member.write(chunk)
    return size, digest.hexdigest()


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk
