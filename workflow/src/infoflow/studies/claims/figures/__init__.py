"""Figures: one module each, with `draw`."""
