"""Data sets: one module per kind, see `kinds` and `images`."""
