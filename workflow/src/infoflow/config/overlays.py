"""Config files that are laid over each other.

What a later file says goes before what an earlier one says, however specific that is. Within one file the more specific
goes first: an architecture of a data set, an architecture, a data set, a section.

Standard library only: every cluster job imports this when it parses the workflow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SECTIONS = ("probe", "train")
"""Sections whose values can differ between data sets and architectures."""


@dataclass(frozen=True)
class Place:
    """Where a config can say something of a section, and what it says there.

    Attributes:
        path: of the mapping in the config, like `datasets.digits.train`.
        values: what is said; a part of the config itself.
        dataset, architecture: what it holds for; None, for all.
        entry: the entry of `network_entropy` that it holds for; None, for the experiments and all entries.
    """

    path: str
    values: Mapping[str, Any]
    dataset: str | None = None
    architecture: str | None = None
    entry: str | None = None

    def holds_for(self, dataset: str | None, architecture: str | None, entry: str | None = None) -> bool:
        """Whether it is among what decides about these; about all of them, where one is None."""
        if self.entry is not None:
            return self.entry == entry
        return self.dataset in (None, dataset) and self.architecture in (None, architecture)


def places(config: Mapping[str, Any], section: str) -> Iterator[Place]:
    """The places of a section, the more specific after the more general; of a config that need not be checked yet."""
    datasets, architectures = _entries(config, "datasets"), _entries(config, "architectures")
    yield Place(section, _mapping(config.get(section)))
    for name, entry in datasets.items():
        yield Place(f"datasets.{name}.{section}", _mapping(entry.get(section)), name)
    for name, entry in architectures.items():
        yield Place(f"architectures.{name}.{section}", _mapping(entry.get(section)), None, name)
    for name, entry in datasets.items():
        for other, own in _entries(entry, "architectures").items():
            path = f"datasets.{name}.architectures.{other}.{section}"
            yield Place(path, _mapping(own.get(section)), name, other)
    for name, entry in _entries(config, "network_entropy").items() if section == "train" else ():
        of = entry.get("dataset"), entry.get("architecture")
        yield Place(f"network_entropy.{name}.train", _mapping(entry.get("train")), *of, name)


def said_by(config: Mapping[str, Any], section: str, key: str, dataset: str, architecture: str) -> str:
    """The place of a checked config that decides about a setting."""
    *_, place = (p for p in places(config, section) if p.holds_for(dataset, architecture) and key in p.values)
    return place.path


def lay_over(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A config with what another one says changed: every key, and of what the old one says the less general, too.

    In the result the more specific goes first. The config has to be a tree: see `check.merge_config`.
    """
    both = updated(old, new)
    for section in SECTIONS:
        said = {place.path: place for place in places(new, section) if place.values}
        for over in said.values():
            for under in list(places(both, section)):
                fresh = said[under.path].values if under.path in said else {}
                kept = {key: value for key, value in under.values.items() if key not in over.values or key in fresh}
                if under.path != over.path and _covers(over, under) and kept != under.values:
                    under.values.clear()
                    under.values.update(kept)
        for over in said.values():
            if over.dataset is not None and over.architecture is None:
                _put_before_architectures(both, over, said, section)
    off = {name for name, entry in _mapping(both.get("architectures")).items() if entry is None}
    for entry in _entries(both, "datasets").values():
        if isinstance(own := entry.get("architectures"), dict):
            entry["architectures"] = {name: values for name, values in own.items() if name not in off}
    return both


def _covers(over: Place, under: Place) -> bool:
    """Whether all that one place decides about is what the other, more general, decides about."""
    return over.entry is None and over.holds_for(under.dataset, under.architecture)


def _put_before_architectures(both: dict[str, Any], over: Place, said: Mapping[str, Place], section: str) -> None:
    """A data set's new values for the architectures whose old ones would go before them: for these two alone."""
    for under in list(places(both, section)):
        if under.dataset is not None or under.architecture is None:
            continue
        pair = f"datasets.{over.dataset}.architectures.{under.architecture}.{section}"
        fresh = {k for path in (under.path, pair) if path in said for k in said[path].values}
        if before := {k: v for k, v in over.values.items() if k in under.values and k not in fresh}:
            own = {"architectures": {under.architecture: {section: before}}}
            both["datasets"][over.dataset] = updated(own, both["datasets"][over.dataset])


def updated(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of one config with the values of another, key by key, as Snakemake does it; nothing in it is shared."""
    both = {key: _copy(value) for key, value in old.items() if key not in new}
    for key, value in new.items():
        there = old.get(key)
        both[key] = updated(there if isinstance(there, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return both


def _copy(value: Any) -> Any:
    return updated({}, value) if isinstance(value, Mapping) else value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _entries(config: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    """The entries of a section that are switched on."""
    return {name: entry for name, entry in _mapping(config.get(key)).items() if isinstance(entry, Mapping)}
