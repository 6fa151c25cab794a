"""DropConnect (Wan et al. 2013): a linear layer that loses connections, not units."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.nn.dropout import at_least_float32, check_probability


class DropConnect(nn.Linear):
    """A linear layer whose weights are dropped with probability p, anew for each example.

        training: y_n = (M_n * W) x_n / (1 - p) + b,  M_n ~ Bernoulli(1 - p) of the shape of W
        evaluation: y = W x + b

    Arguments as `torch.nn.Linear`; ``p`` is the probability to *drop*; the bias is kept. For a
    given x each output has the mean and the variance it has under dropout of x,

        E[y] = W x + b,    Var[y] = p / (1 - p) (W * W) (x * x),

    but the outputs are independent. The masks of a batch have N times the size of W.
    ValueError for p outside [0, 1].

    >>> DropConnect(3, 2, p=0.5)(torch.ones(4, 3)).shape
    torch.Size([4, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        p: float = 0.5,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, out_features, bias, device, dtype)
        check_probability(p)
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """y [..., out_features] of x [..., in_features]."""
        if not self.training or self.p == 0:
            return F.linear(x, self.weight, self.bias)
        weights = self.mask(x) * self.weight  # [..., out, in]
        y = (weights @ x.unsqueeze(-1)).squeeze(-1)
        return y if self.bias is None else y + self.bias

    def mask(self, x: Tensor) -> Tensor:
        """M / (1 - p) for each example of x: [..., out_features, in_features]."""
        shape = (*x.shape[:-1], *self.weight.shape)
        u = torch.rand(shape, dtype=at_least_float32(x), device=x.device)
        kept = (u >= self.p).to(u.dtype)
        return (kept / (1 - self.p) if self.p < 1 else kept).to(x.dtype)

    def extra_repr(self) -> str:
        """The arguments of the linear layer, and the rate."""
        return f"{super().extra_repr()}, p={self.p}"
