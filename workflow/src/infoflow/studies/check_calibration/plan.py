"""What the rule of `infoflow check` is fitted to: families of networks, one job each."""

from collections.abc import Mapping
from typing import Any, ClassVar

from infoflow.config.check import closest
from infoflow.errors import InfoflowError
from infoflow.jobs.costs import Work
from infoflow.jobs.provenance import code_digest
from infoflow.studies.study import Parameters, Study

FAMILIES = (
    *(
        "cnn",
        "cnn_norm",
        "dropout",
        "dying",
        "mlp",
        "mlp_images",
        "mlp_norm",
        "mlp_rates",
        "mlp_residual",
        "mlp_tanh",
        "narrow",
        "resnet",
        "resnet_norm",
    ),
    *("plane", "spoiled", "transformer_post", "transformer_pre"),
)
"""Of `networks.families`."""
CUBE = "check_calibration"


def family_work(parameters: Parameters, wildcards: Mapping[str, str]) -> Work:
    """Every family has a price of its own."""
    return Work({wildcards["family"]: parameters["seeds"]})


class CheckCalibration(Study):
    """Section `check_calibration`; without it there is none."""

    name = "check_calibration"
    FIGURES: ClassVar[Mapping[str, Any]] = {"check_calibration": None}
    WORK: ClassVar[Mapping[str, Any]] = {"try_networks": family_work}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        section: Mapping[str, Any] | None = config["check_calibration"]
        self.families: list[str] = []
        if section is not None:
            self.families = list(FAMILIES if section["families"] is None else section["families"])
            self.seeds: int = section["seeds"]
        for name in self.families:
            if name not in FAMILIES:
                raise InfoflowError(
                    f"config: check_calibration.families: unknown {name!r}; {closest(name, list(FAMILIES), 'families')}"
                )

    def names(self) -> list[str]:
        return [CUBE] if self.families else []

    def tried(self) -> Parameters:
        """Of rule try_networks."""
        return {"seeds": self.seeds, "code": code_digest("try_networks")}

    def inputs(self) -> dict[str, list[str]]:
        """Results of the families."""
        return {"families": [f"results/try_networks/{name}.nc" for name in self.families]}

    def made_by(self, cube: str) -> Parameters:
        """Of rule calibrate_check."""
        section = {"check_calibration": {"families": self.families, "seeds": self.seeds}}
        return {
            "made_by": dict.fromkeys(self.families, self.tried()),
            "code": code_digest("calibrate_check"),
            **self.about_run(section),
        }
