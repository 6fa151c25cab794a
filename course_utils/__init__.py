"""Optimizers, layers, losses, ensembles, claims and checks of the course on training neural networks."""

__version__ = "0.1.0"
