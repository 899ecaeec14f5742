"""Paths and configs that the tests share."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


def load_config(name: str = "config") -> dict:
    return yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())
