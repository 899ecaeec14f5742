"""Figures: each is one module of this package with `draw(cube, experiment, probes) -> matplotlib Figure`.

Standard library only: the workflow reads the registry when it is parsed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What a figure is drawn from, besides the cube."""

    truth: bool = False
    """Only for experiments with ground truth."""
    probes: bool = False
    """The evaluated probes of the highlighted σ_w², for their pictures."""
    channels: bool = False
    """Only for experiments whose probes show single channels."""
    decisions: bool = False
    """The decisions of a trained network, in place of probes; only for experiments that ask for them."""


FIGURES = {
    "overview": Needs(truth=True),
    "entropy_maps": Needs(),
    "accuracy_map": Needs(truth=True),
    "relative_entropy": Needs(),
    "initialization": Needs(),
    "reconstructions": Needs(probes=True),
    "channels": Needs(probes=True, channels=True),
    "cost": Needs(truth=True),
    "resources": Needs(),
    "decisions": Needs(truth=True, decisions=True),
}
"""Figures by the name of their module and file."""

STUDIES = {
    "ising_1d": ("ising_flow_1d", "ising_asymptote_1d"),
    "ising_2d": ("ising_flow_2d", "ising_asymptote_2d", "ising_probes"),
    "network_entropy": (
        "network_relative_entropy",
        "network_collapse",
        "network_maps",
        "network_histograms",
        "network_accuracy",
    ),
    "probing_budget": ("probing_budget",),
    "information_plane": (
        "information_snapshots",
        "information_trajectories",
        "information_training_fraction",
        "gradient_phases",
        "information_depth",
        "information_estimators",
        "information_reconstruction",
    ),
    "leaderboard": ("leaderboard", "leaderboard_boundary"),
}
"""Figures of each kind of study by the name of their module and file; they are `draw(cube)`, of nothing but a cube."""
