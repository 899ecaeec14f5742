"""Activation functions: one module each, named like it, see `kinds` and `activation`."""
