"""YAML files of the workflow itself: schemas and claims, which every parse of the workflow reads."""

from pathlib import Path
from typing import Any

import yaml


def read_own_yaml(path: Path) -> Any:
    """What a file says, as `yaml.safe_load` has it; by the C library where there is one, in an eighth of the time.

    Raises:
        OSError, UnicodeDecodeError, yaml.YAMLError: it cannot be read.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(path.read_text(encoding="utf-8"))
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
