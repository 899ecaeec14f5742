"""Architectures: one module per kind, see `kinds` and `build`."""
