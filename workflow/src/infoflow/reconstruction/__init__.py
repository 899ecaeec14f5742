"""Reconstruction cascades: what is left of the input in every layer of a frozen network; see `fit`."""
