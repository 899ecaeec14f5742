"""Print the settings in force for every experiment and study, and where each of them comes from.

    python -m infoflow.config.show [--configfile config/x.yaml ...]

What is printed is YAML; the sources are comments. Nothing is planned or run.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infoflow.config.check import (
    DEMONSTRATION,
    SCHEMA,
    check_config,
    merge_config,
    read_config,
    with_point,
)
from infoflow.config.overlays import places
from infoflow.config.settings import entropy_training, probe_methods, settings
from infoflow.errors import InfoflowError
from infoflow.jobs.provenance import PACKAGE
from infoflow.reconstruction.kinds import METHODS

_DEFAULT = "default"

Layers = Sequence[tuple[str, Mapping[str, Any]]]
"""Names of config files and what they say, the later ones after the earlier."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit status is 1 if the config is refused."""
    parser = argparse.ArgumentParser(prog="infoflow.config.show", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--configfile",
        nargs="+",
        action="extend",
        default=[],
        help="config files, as with snakemake --configfile; by default the demonstration",
    )
    parser.add_argument("--root", default=PACKAGE.parents[2], type=Path, help="the workflow that they are for")
    given = parser.parse_args(arguments)
    try:
        files = given.configfile or [given.root / DEMONSTRATION]
        layers = [(str(path), read_config(path)) for path in files]
        config = check_config(merge_config([layer for _, layer in layers]), given.root / SCHEMA)
    except InfoflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    names = ", ".join(name for name, _ in layers)
    print(f"# {names}, the later before the earlier; {_DEFAULT}: that of {SCHEMA}")
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
    if any(experiment["truth"] == "boundary" for experiment in config["experiments"].values()):
        yield "search:", ""
        for key, value in config["search"].items():
            yield f"  {key}: {_written(value)}", source(layers, "search", key)
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
        used = {key for method in probe_methods(config, dataset, architecture) for key in METHODS[method].options}
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
