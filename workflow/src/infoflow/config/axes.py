"""Axes of a config: lists and ranges of values."""

import itertools
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from infoflow.errors import InfoflowError
from infoflow.files.names import DECIMALS, fixed_point

_LARGEST_AXIS = 1_000_000


def expand_axis(axis: str, spec: list | Mapping[str, Any]) -> list:
    """The values of an axis, ascending: a list, {start, stop, num}, or {start, stop, step} with both ends included.

    Values of a range are rounded to 6 decimals, those of a list are taken as they are.

    Raises:
        InfoflowError: the axis is empty, too long, runs backwards, or has two values with one file name.
    """
    whole = axis.endswith("depth")
    if isinstance(spec, Mapping):
        start, stop = (Decimal(repr(spec[end])) for end in ("start", "stop"))
        if stop < start:
            raise InfoflowError(f"{axis}: stop {stop} is less than start {start}")
        if "num" in spec:
            steps = spec["num"] - 1
            if steps == 0 and stop != start:
                raise InfoflowError(f"{axis}: num is 1, but start {start} and stop {stop} differ")
            step = (stop - start) / max(steps, 1)
        else:
            step = Decimal(repr(spec["step"]))
            steps = int((stop - start) / step)
        if steps >= _LARGEST_AXIS:
            raise InfoflowError(f"{axis}: more than {_LARGEST_AXIS} values")
        quantum = Decimal(1).scaleb(-DECIMALS)
        values = [float((start + k * step).quantize(quantum, ROUND_HALF_EVEN)) for k in range(steps + 1)]
        if whole:
            if any(not v.is_integer() for v in values):
                raise InfoflowError(f"{axis}: {spec} gives depths that are not whole numbers")
            values = [int(v) for v in values]
    else:
        values = sorted(spec)
    if not values:
        raise InfoflowError(f"{axis}: the axis is empty")
    names = [v if whole else fixed_point(axis, v) for v in values]
    for a, b in itertools.pairwise(range(len(names))):
        if names[a] == names[b]:
            raise InfoflowError(f"{axis}: {values[a]} and {values[b]} would have the same file name, {names[a]}")
    return values if whole else [abs(float(v)) for v in values]  # -0.0 is 0.0
