"""Optimizers from scratch, with the names, arguments and defaults of `torch.optim`."""
