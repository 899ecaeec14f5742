"""Estimators of information: one module per kind, see `kinds` and `estimate`."""
