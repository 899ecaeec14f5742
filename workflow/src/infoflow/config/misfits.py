"""What an earlier config file says that no longer fits what a later one changes: it is dropped, and that is told.

So a change of an axis is one line, whatever the file below says of its old values. What one file says itself is left to
the checks, and so is what fits nobody's word.

Standard library only: every cluster job imports this when it parses the workflow.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from infoflow.config.axes import expand_axis
from infoflow.config.overlays import places
from infoflow.errors import InfoflowError
from infoflow.reconstruction.kinds import METHODS

AXES = ("sigma_w2", "sigma_b2", "depth")


def drop_misfits(config: dict[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Drop from a config what does not fit its last layer, `new`, and came from earlier ones; a note for each.

    Args:
        config: several files laid over each other, not checked yet; changed in place.
    """
    notes: list[str] = []
    for section in ("experiments", "network_entropy"):
        for name, said, entry in _both(config, new, section):
            _drop_steps(f"{section}.{name}", said, entry, notes)
    changed = list(_both(config, new, "experiments"))
    for name, said, entry in changed:
        _drop_highlights(f"experiments.{name}", said, entry, notes)
        if said.get("truth", True) is False and entry.get("decisions") is not None and "decisions" not in said:
            entry["decisions"] = None
            notes.append(_note(f"experiments.{name}.decisions", "there is no trained network without truth"))
    axes_of = {name for name, said, _ in changed if set(said) & set(AXES)}
    _drop_from_maps(config, new, axes_of, notes)
    _drop_from_budgets(config, new, {name for name, said, _ in changed if said.get("truth", True) is False}, notes)
    _drop_channels(config, new, notes)
    return notes


def _note(where: str, why: str) -> str:
    return f"config: {where} of an earlier file is dropped: {why} in a later one"


def _drop_steps(where: str, said: Mapping[str, Any], entry: dict[str, Any], notes: list[str]) -> None:
    """The number of values of an axis that is given by steps, and the other way round."""
    for axis in AXES:
        of, whole = said.get(axis), entry.get(axis)
        if isinstance(of, Mapping) and isinstance(whole, dict):
            for key, other in (("step", "num"), ("num", "step")):
                if key in of and other in whole and other not in of:
                    del whole[other]
                    notes.append(_note(f"{where}.{axis}.{other}", f"it has {key}"))


def _drop_highlights(where: str, said: Mapping[str, Any], entry: dict[str, Any], notes: list[str]) -> None:
    shown = entry.get("highlight")
    if "sigma_w2" not in said or "highlight" in said or not isinstance(shown, list):
        return
    if (values := _expanded("sigma_w2", entry)) is None:
        return
    kept = [value for value in shown if value in values]
    if kept != shown:
        lost = ", ".join(f"{value}" for value in shown if value not in values)
        entry["highlight"] = kept if len(kept) > 1 else None  # then there are five of the new ones
        notes.append(_note(f"{where}.highlight {lost}", "it is not among the values of sigma_w2"))


def _drop_from_maps(config: dict[str, Any], new: Mapping[str, Any], changed: set[str], notes: list[str]) -> None:
    """Experiments whose axes are now other ones than those of the others in a map."""
    experiments = _mapping(config.get("experiments"))
    for name, entry in _mapping(config.get("maps")).items():
        shown = _mapping(entry).get("experiments")
        if "experiments" in _mapping(_mapping(new.get("maps")).get(name)) or not _are_names(shown):
            continue
        axes = {e: [_expanded(axis, _mapping(experiments.get(e))) for axis in AXES] for e in shown}
        others = [e for e in shown if e not in changed]
        if others and (odd := [e for e in shown if e in changed and axes[e] != axes[others[0]]]):
            entry["experiments"] = [e for e in shown if e not in odd]
            notes.append(_note(f"maps.{name}.experiments {', '.join(odd)}", "it has axes of its own"))


def _drop_from_budgets(config: dict[str, Any], new: Mapping[str, Any], unjudged: set[str], notes: list[str]) -> None:
    """Budgets of experiments without truth, and widths that are not below that of the architecture."""
    budgets, said = _mapping(config.get("probing_budget")), _mapping(new.get("probing_budget"))
    for name, entry in list(budgets.items()):
        if not isinstance(entry, dict) or name in said or not isinstance(of := entry.get("experiment"), str):
            continue
        if of in unjudged:
            budgets[name] = None
            notes.append(_note(f"probing_budget.{name}", f"experiment {of} has no truth"))
        architecture = _mapping(_mapping(config.get("experiments")).get(of)).get("architecture")
        own = _mapping(_mapping(new.get("architectures")).get(architecture)) if isinstance(architecture, str) else {}
        width, widths = own.get("width"), entry.get("widths")
        if isinstance(width, int) and isinstance(widths, list):
            wide = [w for w in widths if isinstance(w, int) and w >= width]
            if wide:
                entry["widths"] = [w for w in widths if w not in wide] or [None]
                told = ", ".join(map(str, wide))
                notes.append(_note(f"probing_budget.{name}.widths {told}", f"architecture {architecture} is as narrow"))


def _drop_channels(config: dict[str, Any], new: Mapping[str, Any], notes: list[str]) -> None:
    """Channels that are shown, of networks that are now probed by a method that knows none."""
    fresh = list(places(new, "probe"))
    said = {place.path for place in fresh if "show_channels" in place.values}
    for under in places(config, "probe"):
        if not under.values.get("show_channels") or under.path in said:
            continue
        for over in fresh:
            method = over.values.get("method")
            main = method[0] if isinstance(method, list) and method else method
            known = METHODS.get(main) if isinstance(main, str) else None
            if known and not known.plugin and over.holds_for(under.dataset, under.architecture):
                under.values["show_channels"] = []
                notes.append(_note(f"{under.path}.show_channels", f"the {known.title} knows nothing of channels"))
                break


def _both(
    config: Mapping[str, Any], new: Mapping[str, Any], section: str
) -> Iterator[tuple[str, Mapping[str, Any], dict[str, Any]]]:
    """Name, what the last layer says, and what all say together, of the entries that the last layer changes."""
    entries = _mapping(config.get(section))
    for name, said in _mapping(new.get(section)).items():
        if isinstance(said, Mapping) and isinstance(entry := entries.get(name), dict):
            yield name, said, entry


def _expanded(axis: str, entry: Mapping[str, Any]) -> list | None:
    """Values of an axis; None, where the checks will refuse it."""
    try:
        return expand_axis(axis, entry[axis])
    except (InfoflowError, KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
