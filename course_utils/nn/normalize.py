"""Zero mean and unit variance along some axes: the one idea underneath all normalization layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def normalize(
    x: Tensor,
    axes: Sequence[int],
    eps: float,
    statistics: tuple[Tensor | float, Tensor] | None = None,
) -> Tensor:
    """(x - mu) / sqrt(sigma^2 + eps), with mean mu and variance sigma^2 of x along ``axes``.

    ``statistics``: mu and sigma^2 to use instead, that broadcast with x, such as running ones.

    >>> normalize(torch.tensor([[1.0, 2.0, 3.0]]), axes=[1], eps=0.0)
    tensor([[-1.2247,  0.0000,  1.2247]])
    """
    mu, var = moments(x, axes) if statistics is None else statistics
    return (x - mu) / (var + eps).sqrt()


def moments(x: Tensor, axes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (divided by the count m, not m - 1) along ``axes``, kept as 1."""
    axes = list(axes)
    mu = x.mean(axes, keepdim=True)
    var = (x - mu).square().mean(axes, keepdim=True)
    return mu, var


def scale_and_shift(
    x_hat: Tensor, gamma: Tensor | None, beta: Tensor | None, axis: int | None = None
) -> Tensor:
    """gamma x_hat + beta, where None is 1 and 0.

    ``axis``: gamma [C] and beta [C] belong to the C channels along it; without it they have the
    shape of the last dimensions.
    """
    y = x_hat
    if gamma is not None:
        y = (gamma if axis is None else per_channel(gamma, x_hat, axis)) * y
    if beta is not None:
        y = y + (beta if axis is None else per_channel(beta, x_hat, axis))
    return y


def per_channel(values: Tensor, x: Tensor, axis: int = 1) -> Tensor:
    """Values [C] shaped to broadcast along ``axis`` of x: [C, 1, ..., 1], in the dtype of x."""
    return values.view(-1, *[1] * (x.dim() - 1 - axis % x.dim())).to(x.dtype)


@torch.no_grad()
def update(running: Tensor, batch: Tensor, momentum: float | Tensor) -> None:
    """running = (1 - momentum) running + momentum batch, in place."""
    old, new = running.to(batch.dtype), batch.view_as(running)
    running.copy_((1 - momentum) * old + momentum * new)
