"""Ising models under decimation: relative entropy and its refinements; physics.md C1-C3.

`chain`: one dimension, exact. `square`: the infinite square lattice and the torus, exact, and truncated flows.
`enumeration` and `strips`: small tori and strips, exact. `monte_carlo`: estimates for large lattices.
"""
