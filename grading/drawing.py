"""Draws for hidden tests, from one generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Draw:
    """Numbers and tensors that depend on the generator alone.

    >>> draw = Draw(torch.Generator().manual_seed(0))
    >>> 3 <= draw.integer(3, 5) <= 5, 1.0 <= draw.uniform(1.0, 2.0) < 2.0
    (True, True)
    >>> draw.normal(2, 3).dtype
    torch.float64
    """

    generator: torch.Generator

    def uniform(self, low: float, high: float) -> float:
        """A number of the half-open interval [low, high)."""
        share = torch.rand((), generator=self.generator, dtype=torch.float64).item()
        return low + (high - low) * share

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal numbers in double precision."""
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64)
