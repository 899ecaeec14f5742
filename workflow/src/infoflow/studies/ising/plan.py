"""What a config asks for of the Ising models: the chain, the square lattice, and samples of large ones."""

from collections.abc import Mapping
from typing import Any, ClassVar

from infoflow.config.axes import expand_axis
from infoflow.errors import InfoflowError
from infoflow.files.names import encode_coupling
from infoflow.jobs.costs import Work
from infoflow.jobs.provenance import code_digest
from infoflow.studies.study import Figure, Parameters, Study

LATTICES = {"1d": "chain", "2d": "square"}
"""Exactly solved lattice of each dimension."""
SECTIONS = {"1d": ("chain",), "2d": ("square", "monte_carlo")}
"""Of section `ising`, by the dimension that they are about."""


def exact_work(parameters: Parameters, wildcards: Mapping[str, str]) -> Work:
    """Of the chain, decimations; of the square, states of lattices and strips."""
    options = parameters["options"]
    couplings = len(options["couplings"])
    if parameters["section"] == "chain":
        return Work({"decimated": couplings * options["steps"] / 1e3})
    strips = sum(2**width * width for width in options["strip_widths"])
    return Work({"states": couplings * (2 ** options["enumerated_side"] ** 2 + strips) / 1e9})


def samples_work(parameters: Parameters, wildcards: Mapping[str, str]) -> Work:
    """Spins that are visited, by an algorithm."""
    options = parameters["options"]
    spins = sum(side**2 for side in options["sides"])
    visited = (options["equilibration"] + options["sweeps"]) * options["replicas"] * spins
    return Work(
        {options["algorithm"]: visited / 1e9},
        {"spins": options["replicas"] * max(options["sides"]) ** 2 * 8 / 1e6},
    )


class Ising(Study):
    """A cube per dimension; that of two has the samples beside the exact values."""

    name = "ising"
    FIGURES: ClassVar[Mapping[str, Any]] = {
        "ising_flow_1d": "1d",
        "ising_asymptote_1d": "1d",
        "ising_flow_2d": "2d",
        "ising_asymptote_2d": "2d",
        "ising_probes": "2d",
    }
    WORK: ClassVar[Mapping[str, Any]] = {"ising_exact": exact_work, "ising_monte_carlo": samples_work}

    def __init__(self, config: Mapping[str, Any], others: Mapping[str, Study]):
        super().__init__(config, others)
        self.active = config["ising"] is not None
        if not self.active:
            return
        self._options = {section: _expand(section, config["ising"][section]) for section in config["ising"]}
        chain = config["ising"]["chain"]
        if chain["spins"] is not None and chain["spins"] % 2 ** chain["steps"]:
            raise InfoflowError(
                f"config: ising.chain.spins: a ring of {chain['spins']} cannot be decimated {chain['steps']} times; "
                f"{2 ** chain['steps']} must divide it"
            )

    def exact(self, lattice: str) -> Parameters:
        """Of rule ising_exact."""
        options = {name: value for name, value in self._options[lattice].items() if name != "highlight"}
        return {"section": lattice, "options": options, "code": code_digest("ising_exact")}

    def samples(self) -> Parameters:
        """Of rule ising_monte_carlo."""
        options = {name: value for name, value in self._options["monte_carlo"].items() if name != "couplings"}
        return {"options": options, "seed": self.config["run"]["seed"], "code": code_digest("ising_monte_carlo")}

    def merge_inputs(self, dimension: str) -> dict[str, Any]:
        """What the cube of a dimension is merged from."""
        couplings = self._options["monte_carlo"]["couplings"] if dimension == "2d" else []
        return {
            "exact": f"results/ising_exact/{LATTICES[dimension]}.nc",
            "samples": [f"results/ising_monte_carlo/{encode_coupling(k)}.nc" for k in couplings],
        }

    def merge(self, dimension: str) -> Parameters:
        """Of rule merge_ising."""
        lattice = LATTICES[dimension]
        return {
            "exact": self.exact(lattice),
            **({"samples": self.samples()} if dimension == "2d" else {}),
            "highlight": self.config["ising"][lattice]["highlight"],
            "code": code_digest("merge_ising"),
            **self.about_run({"ising": {section: self.config["ising"][section] for section in SECTIONS[dimension]}}),
        }

    def names(self) -> list[str]:
        return [f"ising_{dimension}" for dimension in LATTICES] if self.active else []

    def made_by(self, cube: str) -> Parameters:
        return self.merge(cube.removeprefix("ising_"))

    def figures(self) -> list[Figure]:
        return [self.figure(name, [f"ising_{of}"]) for name, of in self.FIGURES.items()] if self.active else []


def _expand(section: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A section with its couplings expanded, ascending, those that are drawn as curves among them."""
    highlight = [float(k) for k in options.get("highlight", [])]
    couplings = {*expand_axis(f"ising.{section}.couplings", options["couplings"]), *highlight}
    return {**options, "couplings": expand_axis(f"ising.{section}.highlight", sorted(couplings))}
