"""What every layer of a network knows of input and label through training; arXiv:1703.00810, physics.md D.

`training` trains all replicas of a network and keeps them as they were at some epochs; `measures` takes the information
and the reconstruction of every layer of those.
"""
