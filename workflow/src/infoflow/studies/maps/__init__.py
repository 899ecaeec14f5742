"""Maps of the entropy of several experiments on one scale, and the layer where they collapse; physics.md A8, B1."""
