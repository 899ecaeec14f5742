"""Methods of probing: their options, their rules, and what they cost.

Standard library only: every parse of the workflow imports this, and no job does.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """What is known of a method.

    Attributes:
        options: keys of section `probe` that it uses.
        probe: name of its rule.
        title: for tables and figures.
        cost: for R networks of L dense layers of N units and B images, in floating-point operations.
        evaluation: name of the rule that evaluates its reconstructions; None, the job that probes does.
        script: of the rule that probes.
        source: where it comes from.
        network: whether it needs one; else it is of those architectures that it knows the theory of.
    """

    options: tuple[str, ...]
    probe: str
    title: str
    cost: str
    evaluation: str | None = None
    script: str = "probe_cascade"
    source: str = "arXiv:2406.12916"
    network: bool = True

    @property
    def result(self) -> str:
        """The rule whose results are the curves."""
        return self.evaluation or self.probe

    @property
    def needs(self) -> str:
        """What it computes, as `predictors.kinds.About` has it."""
        return "reconstruction" if self.network else "theory"

    def about(self) -> dict[str, str]:
        """What stands of it on a leaderboard."""
        return {"title": self.title, "cost": self.cost, "needs": self.needs, "source": self.source}

    @property
    def plugin(self) -> bool:
        """Whether its reconstruction networks are found by the module of its name, see `fit.fit_inverses`."""
        return self.evaluation is not None


_KERNEL = ("kernel_samples", "kernel_penalty", "kernel_noise")
METHODS: dict[str, Method] = {
    "adam": Method(
        options=("epochs", "batch_size", "learning_rate"),
        probe="probe_cascade",
        evaluation="evaluate_kl",
        title="Adam cascade",
        cost="6 R S L N^2 + R B L^2 N^2, S images over all epochs",
    ),
    "kernel": Method(
        options=_KERNEL,
        probe="probe_kernel",
        script="probe_kernel",
        source="docs/physics.md F1",
        title="kernel cascade",
        cost="R L (2 (n + B) (N^2 + n N + n^2) + 7 n^3/3), n fit samples",
    ),
    "ridge": Method(
        options=("ridge_penalty", "ridge_samples"),
        probe="probe_ridge",
        evaluation="evaluate_ridge",
        title="ridge cascade",
        cost="R L (4 S N^2 + 7 N^3/3) + R B L^2 N^2, S images",
    ),
    "theory": Method(
        options=_KERNEL,
        probe="probe_theory",
        script="probe_theory",
        source="docs/physics.md F2",
        title="theory of the kernel cascade",
        cost="L (2 (n + B) n (n + 64) + 7 n^3/3), for all R networks together",
        network=False,
    ),
}
"""By name, which is that of the module of this package that finds reconstruction networks."""
DEFAULT = ("kernel", "theory")
"""Methods where a config names none, of those architectures that have the latter."""
