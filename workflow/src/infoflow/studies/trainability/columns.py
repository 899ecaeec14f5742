"""Which column (σ_w², σ_b²) of a cube to take."""

import numpy as np
import xarray as xr

ENDS = ("", "_low", "_high")
"""Ends of the names of a number and of the ends of its interval."""


def best_column(cube: xr.Dataset) -> dict[str, float]:
    """The column that trains deepest; of equal ones that whose deepest networks take the fewest epochs.

    Keys: `best_sigma_w2`, `best_sigma_b2`; `best_depth`, at which half of its networks train, with its interval; and
    `alike_sigma_w2_low`, `alike_sigma_w2_high`, of the columns whose intervals meet it. All NaN if no
    boundary is known, or no network trains.
    """
    middle, low, high = (cube[f"threshold_depth{end}"].values for end in ENDS)
    if np.isnan(middle).all() or not (cube["trainable"] == 1).any():
        names = ("sigma_w2", "sigma_b2", "depth", "depth_low", "depth_high")
        return {f"best_{n}": np.nan for n in names} | {f"alike_sigma_w2_{end}": np.nan for end in ("low", "high")}
    epochs = cube["epochs_to_success"].mean("replica").transpose("sigma_w2", "sigma_b2", "depth").values
    there = np.isfinite(epochs)
    deepest = np.where(there.any(-1), epochs.shape[-1] - 1 - there[..., ::-1].argmax(-1), 0)
    speed = np.take_along_axis(np.where(there, epochs, np.inf), deepest[..., None], -1)[..., 0]
    equal = np.isclose(middle, np.nanmax(middle), rtol=1e-6)
    w, b = np.unravel_index(np.where(equal, speed, np.inf).argmin(), middle.shape)
    alike = cube["sigma_w2"].values[high[:, b] >= low[w, b]]
    return {
        "best_sigma_w2": float(cube["sigma_w2"][w]),
        "best_sigma_b2": float(cube["sigma_b2"][b]),
        **{f"best_depth{end}": float(v[w, b]) for end, v in zip(ENDS, (middle, low, high))},
        "alike_sigma_w2_low": float(alike[0]),
        "alike_sigma_w2_high": float(alike[-1]),
    }
