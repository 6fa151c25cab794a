"""Which device to compute on."""

from __future__ import annotations

import torch


def has_gpu() -> bool:
    """Whether PyTorch sees a CUDA device; cells tagged `gpu` run only then."""
    return torch.cuda.is_available()


def device() -> torch.device:
    """Return the CUDA device if there is one, else the CPU (the reference for every number).

    >>> device().type in {"cpu", "cuda"}
    True
    """
    return torch.device("cuda" if has_gpu() else "cpu")
