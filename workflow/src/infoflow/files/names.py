"""Names of files: the codec of grid points and couplings, and where the files of a run lie.

Standard library only: every job and every parse of the workflow imports this.
"""

import re
from decimal import Decimal

from infoflow.errors import InfoflowError

DECIMALS = 6
POINT = r"w[0-9]{1,7}\.[0-9]{6}_b[0-9]{1,7}\.[0-9]{6}_d[0-9]{3,6}"
"""What a point looks like in a file name; a regular expression for wildcard constraints."""

COUPLING = r"k[0-9]{1,2}\.[0-9]{6}"
"""What the coupling of an Ising model looks like in a file name."""

NETWORK = r"[a-z0-9][a-z0-9.+_-]*"
"""What a network of the information plane looks like in a file name."""

_POINT = re.compile(r"w([0-9]{1,7}\.[0-9]{6})_b([0-9]{1,7}\.[0-9]{6})_d([0-9]{3,6})")
_LARGEST_VARIANCE, _LARGEST_DEPTH = 1_000_000, 999_999


def encode(sigma_w2: float, sigma_b2: float, depth: int) -> str:
    """`w1.760000_b0.050000_d050`: fixed-point variances and the depth.

    Raises:
        InfoflowError: a value is negative, too large, not finite, or not a multiple of 1e-6.
    """
    w, b = (fixed_point(name, value) for name, value in (("sigma_w2", sigma_w2), ("sigma_b2", sigma_b2)))
    if not 1 <= depth <= _LARGEST_DEPTH:
        raise InfoflowError(f"depth: {depth} is not within 1 and {_LARGEST_DEPTH}")
    return f"w{w}_b{b}_d{depth:03d}"


def decode(name: str) -> tuple[float, float, int]:
    """The inverse of `encode`.

    Raises:
        InfoflowError: `encode` gives no such name.
    """
    match = _POINT.fullmatch(name)
    if not match or encode(*(values := (float(match[1]), float(match[2]), int(match[3])))) != name:
        raise InfoflowError(f"{name!r} is not the name of a grid point")
    return values


def encode_coupling(coupling: float) -> str:
    """`k0.440687`: a coupling in a file name.

    Raises:
        InfoflowError: it is negative, not finite, or not a multiple of 1e-6.
    """
    return f"k{fixed_point('coupling', coupling)}"


def fixed_point(axis: str, value: float) -> str:
    """A value of an axis with six decimals.

    Raises:
        InfoflowError: it is negative, too large, not finite, or not a multiple of 1e-6.
    """
    exact = Decimal(repr(value))
    if not exact.is_finite() or exact < 0:
        raise InfoflowError(f"{axis}: {value} is not a finite number that is zero or positive")
    if exact > _LARGEST_VARIANCE:
        raise InfoflowError(f"{axis}: {value} is more than {_LARGEST_VARIANCE}")
    text = f"{abs(exact):.{DECIMALS}f}"  # without the sign of -0.0
    if Decimal(text) != exact:
        raise InfoflowError(f"{axis}: {value} has more than {DECIMALS} decimals; its file name would be that of {text}")
    return text


def joined(name: str, output: str) -> str:
    """`name_output`, or `name` where the output has none."""
    return f"{name}_{output}" if output else name


def dataset_file(dataset: str) -> str:
    """Where a prepared data set lies."""
    return f"results/prepare_dataset/{dataset}.nc"


def cube_file(name: str) -> str:
    """Where a cube lies."""
    return f"results/cubes/{name}.nc"
