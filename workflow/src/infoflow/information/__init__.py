"""The information plane: what every layer of a network knows of its input and of the label, all through training.

Source: arXiv:1703.00810, PHYSICS D. Three steps, a job each: `training` trains all replicas of a network and keeps them
as they were at some epochs, `measures` takes the information (`infoflow.estimators`) and the reconstruction entropy of
every layer of those, and `cube` merges all networks.
"""
