"""Cheap predictors of trainability: one module each, see `kinds` and `measure`."""
