"""Print the settings in force for every experiment and study, and where each of them comes from.

    python -m infoflow.settings [--configfile config/x.yaml ...]

What is printed is YAML; the sources are comments. Nothing is planned or run.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infoflow.archive import DEFAULT_CONFIG, SCHEMA
from infoflow.config import (
    METHOD_OPTIONS,
    check_config,
    entropy_training,
    merge_config,
    probe_methods,
    read_config,
    settings,
    with_point,
)
from infoflow.errors import InfoflowError
from infoflow.overlays import places
from infoflow.provenance import PACKAGE

_DEFAULT = "default"

Layers = Sequence[tuple[str, Mapping[str, Any]]]
"""Names of config files and what they say, the later ones after the earlier."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status is 1 if the config is refused."""
    parser = argparse.ArgumentParser(prog="infoflow.settings", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--configfile", nargs="+", action="extend", default=[], help="overlays, as with snakemake --configfile"
    )
    parser.add_argument("--root", default=PACKAGE.parents[2], type=Path, help="the workflow whose config they overlay")
    given = parser.parse_args(arguments)
    try:
        layers = [(DEFAULT_CONFIG, read_config(given.root / DEFAULT_CONFIG))]
        layers += [(path, read_config(path)) for path in given.configfile]
        config = check_config(merge_config([layer for _, layer in layers]), given.root / SCHEMA)
    except InfoflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"# {', '.join(name for name, _ in layers)}, the later before the earlier; {_DEFAULT}: that of {SCHEMA}")
    print("\n".join(_aligned(describe(config, layers))))
    return 0


def describe(config: Mapping[str, Any], layers: Layers) -> Iterator[tuple[str, str]]:
    """Lines of YAML, each with a comment.

    Args:
        config: the checked config.
        layers: what it was merged of.
    """
    yield "evaluate:", ""
    for key, value in config["evaluate"].items():
        yield f"  {key}: {_written(value)}", source(layers, "evaluate", key)
    yield "experiments:", ""
    for name, experiment in config["experiments"].items():
        dataset, architecture = experiment["dataset"], experiment["architecture"]
        truth = (experiment["truth_dataset"] or dataset) if experiment["truth"] else None
        yield f"  {name}:", ""
        yield from _section(config, layers, "probe", dataset, architecture)
        if truth:
            yield from _section(config, layers, "train", truth, architecture)
    for kind in ("probing_budget", "network_entropy"):
        if config[kind]:
            yield f"{kind}:", ""
        for name, entry in config[kind].items():
            yield f"  {name}:", ""
            if kind == "probing_budget":
                experiment = config["experiments"][entry["experiment"]]
                yield from _section(config, layers, "probe", experiment["dataset"], experiment["architecture"])
            else:
                yield from _section(config, layers, "train", entry["dataset"], entry["architecture"], name)


def _section(
    config: Mapping[str, Any],
    layers: Layers,
    section: str,
    dataset: str,
    architecture: str,
    entry: str | None = None,
) -> Iterator[tuple[str, str]]:
    values = settings(config, section, dataset, architecture) if entry is None else entropy_training(config, entry)
    if values is None:
        yield f"    {section}: null", "untrained networks only"
        return
    if section == "probe":
        used = {key for method in probe_methods(config, dataset, architecture) for key in METHOD_OPTIONS[method]}
        values = {k: v for k, v in values.items() if k in ("method", "evaluation_samples", "show_channels", *used)}
    yield f"    {section}:", f"dataset {dataset}, architecture {architecture}"
    for key, value in values.items():
        yield f"      {key}: {_written(value)}", source(layers, section, key, dataset, architecture, entry)


def source(
    layers: Layers,
    section: str,
    key: str,
    dataset: str | None = None,
    architecture: str | None = None,
    entry: str | None = None,
) -> str:
    """File and path in it of a setting: what is most specific in the last file that says anything of it."""
    for name, layer in reversed(layers):
        said = [p for p in places(layer, section) if p.holds_for(dataset, architecture, entry) and key in p.values]
        if said:
            return f"{name}: {said[-1].path}.{key}"
    return _DEFAULT


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value  # one of a few words
    return with_point(repr(value)) if isinstance(value, float) else json.dumps(value)


def _aligned(lines: Iterator[tuple[str, str]]) -> Iterator[str]:
    for line, comment in lines:
        yield f"{line:<32}  # {comment}" if comment else line


if __name__ == "__main__":
    sys.exit(main())
