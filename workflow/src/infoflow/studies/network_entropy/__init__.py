"""Relative entropy between the first layer of a network and its deeper layers; physics.md C4."""
