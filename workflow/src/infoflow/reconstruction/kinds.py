"""Methods of finding the reconstruction networks: their options, their rules, and what they cost.

Standard library only: every parse of the workflow imports this, and no job does.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """What is known of a method.

    Attributes:
        options: keys of section `probe` that it uses.
        probe, evaluation: names of its rules.
        title: for tables and figures.
        cost: for R networks of L dense layers of N units and B images, in floating-point operations.
    """

    options: tuple[str, ...]
    probe: str
    evaluation: str
    title: str
    cost: str


METHODS: dict[str, Method] = {
    "adam": Method(
        options=("epochs", "batch_size", "learning_rate"),
        probe="probe_cascade",
        evaluation="evaluate_kl",
        title="Adam cascade",
        cost="6 R S L N^2 + R B L^2 N^2, S images over all epochs",
    ),
    "ridge": Method(
        options=("ridge_penalty", "ridge_samples"),
        probe="probe_ridge",
        evaluation="evaluate_ridge",
        title="ridge cascade",
        cost="R L (4 S N^2 + 7 N^3/3) + R B L^2 N^2, S images",
    ),
}
"""By name, which is that of the module of this package."""
