"""Random numbers of NumPy: every draw comes from a generator named by what it is for (of torch: `initialization`)."""

import hashlib
import json

import numpy as np


def stream(seed: int, *labels: str | int) -> np.random.Generator:
    """A generator for (seed, *labels); other labels give an independent one, whatever they begin with."""
    digest = hashlib.sha256(json.dumps([seed, *labels]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
