"""The archive of a run, to put beside a paper: a zip file that is a Workflow Run RO-Crate (RO-Crate 1.1).

| member | |
|---|---|
| cubes/, figures/<experiment>/ | the results |
| config.json | the config with all defaults |
| source/ | the workflow, the package, profiles, environments |
| cost.json | what the jobs of every rule took |
| software.json | versions of the software, digest of the source |
| README.md, LICENSE, CITATION.cff | for its reader |
| ro-crate-metadata.json | what every file is, its size and SHA-256; what made it, when, from which data |
| checksums.sha256 | SHA-256 of all others, for `sha256sum -c` |

`infoflow.verify` checks one. Only the standard library and the config's modules are imported at the top: every cluster
job imports this when it parses the workflow.
"""

import hashlib
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from infoflow import __version__
from infoflow.config import NAMED
from infoflow.errors import InfoflowError
from infoflow.grid import Grid, GridPoint
from infoflow.record import add_costs, check_parameters, probing_to_training

METADATA, MANIFEST = "ro-crate-metadata.json", "checksums.sha256"
CONFIG, COST, SOFTWARE, SOURCE = "config.json", "cost.json", "software.json", "source"
SCHEMA, DEFAULT_CONFIG = "workflow/schemas/config.schema.yaml", "config/config.yaml"

_MAIN_WORKFLOW = "workflow/Snakefile"
_NEEDED = (_MAIN_WORKFLOW, SCHEMA, "LICENSE", "CITATION.cff")
_SOURCE_PARTS = (
    "CHANGELOG.md",
    "CITATION.cff",
    "LICENSE",
    "Makefile",
    "README.md",
    "Snakefile",
    "config",
    "envs",
    "profiles",
    "pyproject.toml",
    "workflow",
)
_LONGEST_NAME = 80
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_FORMATS = {
    ".cff": "application/yaml",
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

DATA_SOURCES: dict[str, tuple[str, str | None, str]] = {
    "cifar10": (
        "CIFAR-10: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        "not stated by its authors",
    ),
    "digits": (
        "Optical Recognition of Handwritten Digits: E. Alpaydin, C. Kaynak, UCI Machine Learning Repository, 1998, the "
        "part that comes with scikit-learn",
        "https://archive.ics.uci.edu/dataset/80",
        "https://creativecommons.org/licenses/by/4.0/",
    ),
    "fashion_mnist": (
        "Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747",
        "https://github.com/zalandoresearch/fashion-mnist",
        "https://spdx.org/licenses/MIT",
    ),
    "image_folder": ("pictures of the user's own", None, "that of the pictures"),
    "mnist": (
        "MNIST: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, 1998",
        "http://yann.lecun.com/exdb/mnist/",
        "not stated by its authors",
    ),
    "o3": (
        "patterns on the vertices of an icosahedron, made by the workflow and labelled like those of R. Shwartz-Ziv, "
        "N. Tishby, arXiv:1703.00810",
        "https://github.com/ravidziv/IDNNs",
        "none needed",
    ),
    "photographs": (
        "china.jpg by danielbuechele and flower.jpg by vultilion, which come with scikit-learn",
        "https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_sample_images.html",
        "https://creativecommons.org/licenses/by/2.0/",
    ),
    "white_noise": ("independent pixels, drawn by the workflow", None, "none needed"),
}
"""Kinds of data sets (`infoflow.datasets`): what they are, their address, their licence."""


def archive_name(run_name: str) -> str:
    """The name of a run as a file name: ASCII letters, digits and single hyphens, 80 characters at most."""
    letters = unicodedata.normalize("NFKD", run_name).encode("ascii", "ignore").decode()
    return re.sub("[^A-Za-z0-9]+", "-", letters).strip("-")[:_LONGEST_NAME].rstrip("-") or "run"


def source_files(root: str | Path) -> dict[str, Path]:
    """The source of the workflow below its root directory: files by their path there, without caches."""
    root = Path(root)
    found = {}
    for part in _SOURCE_PARTS:
        inside = [root / part] if (root / part).is_file() else sorted((root / part).rglob("*"))
        for path in inside:
            name = path.relative_to(root)
            hidden = any(p.startswith(".") or p == "__pycache__" or p.endswith(".egg-info") for p in name.parts)
            if path.is_file() and not hidden:
                found[name.as_posix()] = path
    return dict(sorted(found.items()))


def source_digest(root: str | Path) -> str:
    """SHA-256 over names and contents of the source, line endings normalised."""
    digest = hashlib.sha256()
    for name, path in source_files(root).items():
        digest.update(name.encode() + b"\0" + normalised(path.read_bytes()) + b"\0")
    return digest.hexdigest()


def normalised(text: bytes) -> bytes:
    """Text with the line endings of Unix."""
    return text.replace(b"\r\n", b"\n")


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Leaves of nested mappings that differ: dotted key, old value, new value; `absent` where there is none."""
    for key in sorted({*old, *new}):
        pair = [side.get(key, _ABSENT) for side in (old, new)]
        if all(isinstance(value, Mapping) for value in pair):
            yield from differences(*pair, f"{prefix}{key}.")
        elif pair[0] != pair[1]:
            yield (f"{prefix}{key}", *("absent" if v is _ABSENT else json.dumps(v, ensure_ascii=False) for v in pair))


_ABSENT = object()


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


def write_archive(
    path: str | Path,
    cubes: Sequence[str | Path],
    figures: Sequence[str | Path],
    *,
    config: Mapping[str, Any],
    made_by: Mapping[str, Mapping[str, Any]],
    root: str | Path,
    software: Mapping[str, str],
    began: Iterable[str | Path] = (),
) -> None:
    """Write the archive of a run; whole or not at all, and the same bytes for the same files.

    Args:
        path: the zip file.
        cubes: files of all cubes, `<dataset>_<architecture>.nc` and `<study>.nc`.
        figures: files `<experiment or study>/<figure>.<suffix>`.
        config: the config of the run, with defaults.
        made_by: by the name of a cube, the parameters that it has to be made with (`record.check_parameters`).
        root: directory of the workflow's source.
        software: versions (`provenance.software`).
        began: logs of the first jobs, if they are still there: when they ended is when the run began, to our knowledge.

    Raises:
        InfoflowError: a cube is damaged, was made with other parameters or has other points than those of the config,
            or a file is missing.
    """
    from infoflow.store import replaced

    root = Path(root)
    source = source_files(root)
    for name in _NEEDED:
        if name not in source:
            raise InfoflowError(f"{root / name}: is missing; an archive needs it")
    grid = Grid(config)
    names = {"_".join(cube): cube for cube in grid.cubes()}
    attributes = {
        (name := Path(f).stem): (
            _checked_attributes(f, made_by[name], grid.probes(names[name]), grid.trainings(names[name]))
            if name in names
            else _attributes_of_study(f, made_by[name])
        )
        for f in cubes
    }
    results = [Path(f) for f in (*cubes, *figures)]
    for file in results:
        if not file.is_file():
            raise InfoflowError(f"{file}: is missing; make it with `snakemake all_figures`")
    ended = max(file.stat().st_mtime for file in results)
    began = min(f.stat().st_mtime for f in [*results, *(Path(f) for f in began if Path(f).is_file())])
    start, end = (datetime.fromtimestamp(int(t), UTC) for t in (began, ended))
    versions = {
        "archive": dict(software),
        "cubes": {name: {k: str(a[k]) for k in a if _names_software(k)} for name, a in attributes.items()},
        "source_sha256": source_digest(root),
    }
    members: dict[str, Path | bytes] = {
        "README.md": _readme(config, end, versions).encode(),
        "LICENSE": source["LICENSE"],
        "CITATION.cff": source["CITATION.cff"],
        CONFIG: _json(_self_contained(config, source)),
        SOFTWARE: _json(versions),
        COST: _json(cost_summary(attributes)),
        **{f"cubes/{Path(f).name}": Path(f) for f in cubes},
        **{f"figures/{Path(f).parent.name}/{Path(f).name}": Path(f) for f in figures},
        **{f"{SOURCE}/{name}": file for name, file in source.items()},
    }
    with replaced(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        sizes, sums = {}, {}
        for name, content in members.items():
            sizes[name], sums[name] = _add(archive, name, content, end)
        crate = _crate(members, sizes, sums, config, source["CITATION.cff"], software, start, end)
        _, sums[METADATA] = _add(archive, METADATA, _json(crate), end)
        lines = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
        _add(archive, MANIFEST, lines.encode(), end)


def _checked_attributes(
    path: str | Path, made_by: Mapping[str, Any], probes: Iterable[GridPoint], trainings: Iterable[GridPoint]
) -> dict[str, Any]:
    """Global attributes of a whole cube that is the one of this config."""
    from infoflow.cubes import computed_points, read_cube

    cube = read_cube(path)
    check_parameters(path, cube.attrs, made_by)
    for what, status, points in (("probes", "probe_status", probes), ("trainings", "train_status", trainings)):
        held, wanted = computed_points(cube, status), {(p.sigma_w2, p.sigma_b2, p.depth) for p in points}
        if held and len(next(iter(held))) == 2:  # one probe serves all depths
            wanted = {(w, b) for w, b, _ in wanted}
        if held != wanted:
            raise InfoflowError(
                f"{path}: holds {len(held)} {what}, {len(held & wanted)} of the {len(wanted)} of the config; delete it "
                "and run again"
            )
    return cube.attrs


def _attributes_of_study(path: str | Path, made_by: Mapping[str, Any]) -> dict[str, Any]:
    """Global attributes of a whole cube of a study that is the one of this config."""
    from infoflow.study import read_study

    cube = read_study(path)
    check_parameters(path, cube.attrs, made_by)
    return cube.attrs


def _self_contained(config: Mapping[str, Any], source: Mapping[str, Path]) -> dict[str, Any]:
    """The config with what it switched off of the default one, which is always read, switched off explicitly."""
    default = yaml.safe_load(source[DEFAULT_CONFIG].read_text()) if DEFAULT_CONFIG in source else {}
    return {
        key: dict.fromkeys(default.get(key) or {}) | value if isinstance(value, Mapping) and key in NAMED else value
        for key, value in config.items()
    }


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


def _used_data(config: Mapping[str, Any]) -> list[str]:
    """Names of the data sets that are probed or trained on."""
    grid = Grid(config)
    return sorted({d for cube in grid.cubes() for d in (cube[0], grid.truth_dataset(cube)) if d})


def _readme(config: Mapping[str, Any], end: datetime, versions: Mapping[str, Any]) -> str:
    software = versions["archive"]
    data = []
    for name in _used_data(config):
        what, address, licence = DATA_SOURCES[config["datasets"][name]["kind"]]
        data.append(f"- `{name}`: {what}{f', {address}' if address else ''}. Licence: {licence}.")
    return f"""# {" ".join(config["run"]["name"].split())}

A run of infoflow that ended on {end:%Y-%m-%d %H:%M} UTC: all cubes and figures, the config, and the source that made
them, of git commit {software.get("git_commit", "unknown")}, SHA-256 {versions["source_sha256"]}.

| file | |
|---|---|
| `cubes/` | all numbers, CF-conforming NetCDF-4 |
| `figures/<experiment>/` | the figures, PNG and PDF |
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

{chr(10).join(data)}

Code and results: see LICENSE. Please cite as CITATION.cff says.
"""


def _crate(
    members: Iterable[str],
    sizes: Mapping[str, int],
    sums: Mapping[str, str],
    config: Mapping[str, Any],
    citation: Path,
    software: Mapping[str, str],
    start: datetime,
    end: datetime,
) -> dict[str, Any]:
    """The metadata of the crate."""
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
    for name in members:
        properties = {
            "name": _title(name),
            "encodingFormat": _FORMATS.get(Path(name).suffix, "text/plain"),
            "contentSize": str(sizes[name]),
            "sha256": sums[name],
        }
        if name == f"{SOURCE}/{_MAIN_WORKFLOW}":
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
    data = []
    for name in _used_data(config):
        what, address, terms = DATA_SOURCES[config["datasets"][name]["kind"]]
        linked = terms.startswith("https:")
        data.append(
            work(
                f"#data-{name}",
                name=f"data set {name}",
                description=what if linked else f"{what}. Licence: {terms}.",
                **({"url": address} if address else {}),
                **({"license": {"@id": work(terms, name=terms).id}} if linked else {}),
            )
        )
    run = crate.add_action(
        files[f"{SOURCE}/{_MAIN_WORKFLOW}"],
        "#run",
        object=[files[CONFIG], *data],
        result=[file for name, file in files.items() if name.startswith(("cubes/", "figures/"))],
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
        return f"figure {inner[1].replace('_', ' ')} of experiment {inner[0]}, {Path(member).suffix[1:]}"
    return {CONFIG: "config with all defaults", COST: "cost of the jobs", SOFTWARE: "versions of the software"}.get(
        member, member
    )
