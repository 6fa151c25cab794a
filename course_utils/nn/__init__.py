"""Layers and activations from scratch, with the names, arguments and defaults of `torch.nn`."""
