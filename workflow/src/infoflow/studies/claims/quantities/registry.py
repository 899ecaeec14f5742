"""All quantities by their names: the public functions of the modules."""

import inspect
from collections.abc import Callable

from infoflow.studies.claims.quantities import (
    board,
    budget,
    formulas,
    information,
    lattices,
    layers,
    maps,
    networks,
    simulations,
)

_MODULES = (board, budget, formulas, information, lattices, layers, maps, networks, simulations)

QUANTITIES: dict[str, Callable] = {
    name: function
    for module in _MODULES
    for name, function in vars(module).items()
    if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
}
