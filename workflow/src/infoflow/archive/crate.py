"""What an archive says of itself: a README for people, and the metadata of a Workflow Run RO-Crate for machines."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from infoflow import __version__

EXPLORER = "explorer.html"
METADATA, MANIFEST = "ro-crate-metadata.json", "checksums.sha256"
CONFIG, COST, SOFTWARE, SOURCE = "config.json", "cost.json", "software.json", "source"

MAIN_WORKFLOW = "workflow/Snakefile"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_FORMATS = {
    ".cff": "application/yaml",
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".nc": "application/x-netcdf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".rst": "text/x-rst",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
}

Data = Mapping[str, Mapping[str, str | None]]
"""By the name of a data set: `what` it is, its `address` if it has one, its `licence`."""


def write_readme(config: Mapping[str, Any], data: Data, end: datetime, versions: Mapping[str, Any]) -> str:
    """The README of an archive."""
    software = versions["archive"]
    sources = [
        f"- `{name}`: {one['what']}{f', {address}' if (address := one['address']) else ''}. Licence: {one['licence']}."
        for name, one in data.items()
    ]
    return f"""# {" ".join(config["run"]["name"].split())}

A run of infoflow that ended on {end:%Y-%m-%d %H:%M} UTC: all cubes and figures, the config, and the source that made
them, of git commit {software.get("git_commit", "unknown")}, SHA-256 {versions["source_sha256"]}.

| file | |
|---|---|
| `cubes/` | all numbers, CF-conforming NetCDF-4 |
| `figures/<experiment>/` | the figures, PNG and PDF, and in JSON what each shows |
| `explorer.html` | if there are experiments, all of them in one page for a browser, which loads nothing from the net |
| `config.json` | the config with all defaults |
| `source/` | workflow, package, configs, profiles, environments; `source/envs/requirements.lock` pins the software |
| `cost.json` | what the jobs of every rule took, per cube and in total; seconds of probing per second of training |
| `software.json` | versions of the software, of this archive and of every cube |
| `ro-crate-metadata.json` | all this for machines: a Workflow Run RO-Crate |

## Verify

In the unpacked archive: `sha256sum -c checksums.sha256`. Without unpacking it, in a checkout of infoflow:
`make verify ARCHIVE=<this file>.zip`, which also lists what differs from the code and the config of that checkout.

## Run it again

    cd source && make setup
    .venv/bin/snakemake --profile profiles/local --configfile ../config.json -- all_figures

## Data

The data sets are not in this archive; figures show single images of them.

{chr(10).join(sources)}

Code and results: see LICENSE. Please cite as CITATION.cff says.
"""


def describe_crate(
    members: Mapping[str, tuple[int, str]],
    config: Mapping[str, Any],
    data: Data,
    citation: Path,
    software: Mapping[str, str],
    start: datetime,
    end: datetime,
) -> dict[str, Any]:
    """The metadata of the crate.

    Args:
        members: sizes and SHA-256 of the files, by name.
        citation: file CITATION.cff.
        software: versions.
        start, end: of the run.
    """
    from rocrate.model import ContextEntity
    from rocrate.rocrate import ROCrate

    def context(identifier: str, **properties: Any) -> ContextEntity:
        return crate.get(identifier) or crate.add(ContextEntity(crate, identifier, properties=properties))

    def work(identifier: str, **properties: Any) -> ContextEntity:
        return context(identifier, **{"@type": "CreativeWork"}, **properties)

    crate = ROCrate(version="1.1")
    about = yaml.safe_load(citation.read_text())
    licence = work(
        f"https://spdx.org/licenses/{about['license']}", name=about["license"], url="https://spdx.org/licenses/"
    )
    crate.name = config["run"]["name"]
    crate.description = (
        "Results of infoflow, where deep networks can be trained: cubes, figures, config and source of one run."
    )
    crate.datePublished = end.isoformat()
    crate.license = licence
    crate.root_dataset["conformsTo"] = [
        work(profile, name=name, version=version) for profile, (name, version) in _PROFILES.items()
    ]
    # what the profiles call it; the context of RO-Crate 1.1 has no such term
    crate.metadata.extra_terms["sha256"] = "https://w3id.org/ro/terms/workflow-run#sha256"
    files = {}
    for name, (size, digest) in members.items():
        properties = {
            "name": _title(name),
            "encodingFormat": _FORMATS.get(Path(name).suffix, "text/plain"),
            "contentSize": str(size),
            "sha256": digest,
        }
        if name == f"{SOURCE}/{MAIN_WORKFLOW}":
            files[name] = crate.add_workflow(
                None,
                name,
                main=True,
                lang="snakemake",
                lang_version=software.get("snakemake_version"),
                properties=properties | {"license": {"@id": licence.id}, "version": __version__},
            )
        else:
            files[name] = crate.add_file(None, quote(name), properties=properties)
    files["README.md"]["about"] = crate.root_dataset
    crate.add_file(None, MANIFEST, properties={"name": "SHA-256 of all other files", "encodingFormat": "text/plain"})
    sources = []
    for name, one in data.items():
        terms = one["licence"]
        linked = terms.startswith("https:")
        sources.append(
            work(
                f"#data-{name}",
                name=f"data set {name}",
                description=one["what"] if linked else f"{one['what']}. Licence: {terms}.",
                **({"url": one["address"]} if one["address"] else {}),
                **({"license": {"@id": work(terms, name=terms).id}} if linked else {}),
            )
        )
    run = crate.add_action(
        files[f"{SOURCE}/{MAIN_WORKFLOW}"],
        "#run",
        object=[files[CONFIG], *sources],
        result=[file for name, file in files.items() if name.startswith(("cubes/", "figures/", EXPLORER))],
        properties={
            "name": f"Run of infoflow: {config['run']['name']}",
            "description": "Probes and full trainings of all grid points, merged into cubes and drawn by Snakemake.",
            "startTime": start.isoformat(),
            "endTime": end.isoformat(),
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
    )
    crate.root_dataset["mentions"] = run
    return crate.metadata.generate()


def _title(member: str) -> str:
    """What a file is, in words."""
    folder, *inner = Path(member).with_suffix("").parts
    if folder == "cubes":
        return f"cube {inner[0]}"
    if folder == "figures":
        kind = Path(member).suffix[1:]
        what = "what it shows" if kind == "json" else kind
        return f"figure {inner[1].replace('_', ' ')} of experiment {inner[0]}, {what}"
    known = {
        CONFIG: "config with all defaults",
        COST: "cost of the jobs",
        SOFTWARE: "versions of the software",
        EXPLORER: "all experiments in one page for a browser",
    }
    return known.get(member, member)
