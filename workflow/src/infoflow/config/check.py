"""Configuration: defaults, and refusal of everything that is not meant, before any job is planned.

What single studies mean is the business of their plans. No heavy imports: every parse of the workflow imports this.
"""

import difflib
import logging
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from infoflow.architectures.kinds import ARCHITECTURES, check_architectures
from infoflow.config.misfits import drop_misfits
from infoflow.config.overlays import lay_over
from infoflow.config.repeated import refuse_repeated_keys
from infoflow.datasets.kinds import DATASETS, check_datasets
from infoflow.errors import InfoflowError

logger = logging.getLogger(__name__)

SCHEMA, DEMONSTRATION = "workflow/schemas/config.schema.yaml", "config/config.yaml"
"""Below the root of the workflow. The demonstration is what runs without a config of one's own."""


def check_config(config: Mapping[str, Any], schema_path: str | Path) -> dict[str, Any]:
    """The config with all defaults filled in.

    Raises:
        InfoflowError: a key is unknown or missing, or a value out of bounds; the message names the key.
    """
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    _check_values(config)
    # An entry switched off with null is not checked and not used.
    config = {**config, "probing_budget": _of_experiments(config)} if "probing_budget" in config else config
    config = _without_null(config, schema)
    for section, kinds in (("datasets", DATASETS), ("architectures", ARCHITECTURES)):
        config[section] = _with_kinds(
            config.get(section, {}), [name for name, kind in kinds.items() if not kind.needed]
        )
    error = best_match(_Validator(schema).iter_errors(config), key=_depth)
    if error is not None:
        raise InfoflowError(f"config: {_explain(error)}")
    config = _fill(config, schema, schema)
    config["architectures"] = {
        name: dict(ARCHITECTURES[options["kind"]].defaults) | options
        for name, options in config["architectures"].items()
    }
    check_datasets(config)
    check_architectures(config)
    return config


def read_config(path: str | Path) -> dict[str, Any]:
    """What a config file says.

    Raises:
        InfoflowError: it cannot be read, has no keys, or one of them twice.
    """
    refuse_repeated_keys([path])
    try:
        read = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InfoflowError(f"{path}: not a config file ({' '.join(str(error).split())})") from error
    if not isinstance(read, Mapping):
        raise InfoflowError(f"{path}: not a config file (it has no keys)")
    return read


def merge_config(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One config of several that are laid over each other, see `overlays` and `misfits`; not checked yet.

    Raises:
        InfoflowError: one has no keys, or too many values.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        _check_values(layer)  # what refers to itself has no end
        merged = lay_over(merged, layer)
        for note in drop_misfits(merged, layer):
            logger.warning("%s", note)
    return merged


def check_names(config: Mapping[str, Any], where: str, entry: Mapping[str, Any]) -> None:
    """Refuse an entry that names a data set or an architecture that the config does not have.

    Raises:
        InfoflowError: the message names the key, and what may be meant.
    """
    for key, table in (("dataset", "datasets"), ("truth_dataset", "datasets"), ("architecture", "architectures")):
        wanted = entry.get(key)
        if wanted is not None and wanted not in config[table]:
            raise InfoflowError(
                f"config: {where}.{key}: unknown {key} {wanted!r}; {closest(wanted, config[table], table)}"
            )


def closest(wanted: str, known: Sequence[str], what: str) -> str:
    """A hint at what was meant, or all there are."""
    close = difflib.get_close_matches(wanted, list(known), n=1)
    return f"did you mean {close[0]}?" if close else f"{what}: {', '.join(known)}"


def _of_experiments(config: Mapping[str, Any]) -> Any:
    """Section `probing_budget` without the entries whose experiment is switched off."""
    entries, experiments = config["probing_budget"], config.get("experiments")
    if not isinstance(entries, Mapping) or not isinstance(experiments, Mapping):
        return entries
    off = [name for name, experiment in experiments.items() if experiment is None]
    return {n: e for n, e in entries.items() if not (isinstance(e, Mapping) and e.get("experiment") in off)}


def _with_kinds(entries: Any, kinds: Sequence[str]) -> Any:
    """Entries of a section, with one for every kind that needs nothing more than its name; they may change others."""
    if not isinstance(entries, Mapping):
        return entries
    own = {
        name: {"kind": name} | (entry if isinstance(entry := entries.get(name, {}), Mapping) else {}) for name in kinds
    }
    return {**own, **{name: entry for name, entry in entries.items() if name not in own}}


def _without_null(value: Any, schema: Mapping[str, Any]) -> Any:
    """Sections, and sections of these, that have entries by name without those that are null."""
    if not isinstance(value, Mapping):
        return value
    if "propertyNames" in schema:
        return {name: entry for name, entry in value.items() if entry is not None}
    inner = schema.get("properties", {})
    return {key: _without_null(entry, inner.get(key, {})) for key, entry in value.items()}


# Where 3.0 would do for 3, it would be a float that counts layers or epochs.
_Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)

_MOST_VALUES, _DEEPEST, _LARGEST_INTEGER = 200_000, 20, 2**63 - 1


def _check_values(config: Any) -> None:
    """Refuse what no key can have, and what is too much to be checked: YAML's references can multiply and loop."""
    if not isinstance(config, Mapping):
        raise InfoflowError("config: top level: it should have keys, like experiments")
    waiting, count = [("", 0, config)], 0
    while waiting:
        path, depth, value = waiting.pop()
        count += 1
        if count > _MOST_VALUES:
            raise InfoflowError(f"config: {path}: more than {_MOST_VALUES} values; give ranges")
        if depth > _DEEPEST:
            raise InfoflowError(f"config: {path}: nested more than {_DEEPEST} levels deep")
        where = path or "top level"
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if problem := _problem(key) if isinstance(key, str) else "is not text":
                    raise InfoflowError(f"config: {where}: the key {_told(key)} {problem}")
                waiting.append((f"{path}.{key}" if path else key, depth + 1, inner))
        elif isinstance(value, list):
            waiting.extend((f"{path}[{index}]", depth + 1, inner) for index, inner in enumerate(value))
        elif problem := _problem(value):
            raise InfoflowError(f"config: {where}: {_told(value)} {problem}")


def _problem(value: Any) -> str | None:
    if isinstance(value, str):
        # They fit neither into a line nor, some of them, into file names and attributes.
        broken = any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value)
        return "has line breaks or control characters" if broken else None
    if isinstance(value, float):
        return None if math.isfinite(value) else "is not a finite number"
    if isinstance(value, int):
        return None if abs(value) <= _LARGEST_INTEGER else f"is beyond {_LARGEST_INTEGER}"
    return None if value is None else "is neither text, number, boolean nor null"


def _told(value: Any) -> str:
    """A value of a config, or what it is if it cannot be told: Python refuses to write very large integers."""
    if isinstance(value, str | float):
        return repr(value)
    return hex(value) if isinstance(value, int) else f"of type {type(value).__name__}"


def _depth(error: ValidationError) -> tuple:
    # The deepest error says most about a value that fits none of several alternatives.
    return (-len(error.absolute_path), error.validator not in ("additionalProperties", "required"))


def _explain(error: ValidationError) -> str:
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path).lstrip(".")
    if "propertyNames" in error.absolute_schema_path:
        longest = error.schema["maxLength"]
        return (
            f"{path}: {error.instance!r} cannot be a name, which becomes part of file names; choose one of letters, "
            f"digits, _ and -, at most {longest}, a letter first"
        )
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = next(k for k in error.instance if k not in known)
        close = difflib.get_close_matches(str(unknown), list(known), n=1)
        hint = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"
        return f"{f'{path}.' if path else ''}{unknown}: unknown key; {hint}"
    if error.validator == "oneOf":
        return f"{path}: {dict(error.instance)} needs either num or step"
    if error.validator == "type" and "start" in error.schema.get("properties", {}):
        return f"{path}: {error.instance!r} is neither a list nor {{start, stop, num}} nor {{start, stop, step}}"
    if error.validator == "type" and isinstance(error.instance, str) and (remedy := _remedy(error.instance)):
        return f"{path}: {error.message}; {remedy}"
    return f"{path or 'top level'}: {error.message}"


_EXPONENT = re.compile(r"([-+]?[0-9]+)(\.[0-9]*)?[eE]([-+]?)([0-9]+)")


def with_point(number: str) -> str:
    """`2.0e-5` of `2e-5`: an exponent is one to YAML only after a point, and with a sign."""
    if not (found := _EXPONENT.fullmatch(number)):
        return number
    whole, decimals, sign, exponent = found.groups()
    return f"{whole}{decimals or '.0'}e{sign or '+'}{exponent}"


def _remedy(text: str) -> str | None:
    """How to write what is text, but looks as if it was meant as something else."""
    if (written := with_point(text)) != text:
        return f"YAML takes it for text; write {written}"
    if re.fullmatch(r"[-+]?[0-9.]+(e[-+][0-9]+)?|true|false|null", text):
        return "write it without quotation marks, and in a file for --configfile: of nested values --config makes text"
    return None


def _fill(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """A copy of the value with the defaults of its schema."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    if not isinstance(value, Mapping):
        return value
    filled = dict(value)
    for name, inner in schema.get("properties", {}).items():
        if name not in filled and "default" in inner:
            filled[name] = inner["default"]
        if name in filled:
            filled[name] = _fill(filled[name], inner, root)
    if isinstance(other := schema.get("additionalProperties"), Mapping):
        for name in value:
            filled[name] = _fill(filled[name], other, root)
    return filled
