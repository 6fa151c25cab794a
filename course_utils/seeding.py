"""Seeds and threads: what has to be fixed before two runs can be equal."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(seed: int = 0) -> torch.Generator:
    """Seed Python, NumPy and PyTorch, use one thread, and return a fresh generator.

    One thread, because the order in which threads add floats is not fixed. The hash of strings
    (`PYTHONHASHSEED`) can only be set before Python starts, so no result may depend on it:
    sort a set before you number its elements.

    Args:
        seed: a non-negative integer below 2**32, the range that NumPy accepts.

    Returns:
        A `torch.Generator` on the CPU with this seed, for code that draws its own numbers.

    Raises:
        ValueError: if `seed` is out of range.

    >>> a = torch.rand(2, generator=seed_everything(3))
    >>> b = torch.rand(2, generator=seed_everything(3))
    >>> bool((a == b).all())
    True
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be between 0 and 2**32 - 1, got {seed}")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    return torch.Generator().manual_seed(seed)
