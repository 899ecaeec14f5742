"""Where in (σ_w², σ_b², depth) can a deep network be trained? The science behind the workflow."""

import importlib

__version__ = "0.1.0"

PUBLIC = {
    "check": "modules.check",
    "rescale": "modules.repair",
    "Report": "modules.report",
    "InfoflowError": "errors",
}
"""Names for use from outside, by where they are; they are imported when they are asked for."""


def __getattr__(name: str):
    if name in PUBLIC:
        return getattr(importlib.import_module(f"infoflow.{PUBLIC[name]}"), name)
    raise AttributeError(f"module 'infoflow' has no attribute {name!r}; it has {', '.join(PUBLIC)}")


def __dir__() -> list[str]:
    return sorted(["__version__", *PUBLIC])
