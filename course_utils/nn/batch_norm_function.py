"""The backward pass of batch normalization, written out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from course_utils.nn.normalize import moments, normalize, per_channel, scale_and_shift


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """gamma x_hat + beta with batch statistics, x [N, C, *], gamma and beta [C]; plain autograd."""
    x_hat = normalize(x, _all_but_channels(x), eps)
    return scale_and_shift(x_hat, gamma, beta, axis=1)


def batch_norm_backward(
    dy: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """(dl/dx, dl/dgamma, dl/dbeta) of `batch_norm`, from dy = dl/dy.

    The chain rule through x_hat, sigma^2 and mu, with m numbers in each channel. The forward pass
    divides by m, and so does every derivative.
    Source: Ioffe and Szegedy 2015, section 3.
    """
    axes = _all_but_channels(x)
    m = x.numel() // x.shape[1]
    mu, var = moments(x, axes)
    x_hat = normalize(x, axes, eps, (mu, var))

    dx_hat = dy * per_channel(gamma, x)
    dvar = (dx_hat * (x - mu) * -0.5 * (var + eps) ** -1.5).sum(axes, keepdim=True)
    dmu = (-dx_hat / (var + eps).sqrt()).sum(axes, keepdim=True)
    dmu = dmu + dvar * (-2 * (x - mu)).sum(axes, keepdim=True) / m
    dx = dx_hat / (var + eps).sqrt() + dvar * 2 * (x - mu) / m + dmu / m
    dgamma = (dy * x_hat).sum(axes)
    dbeta = dy.sum(axes)
    return dx, dgamma, dbeta


class BatchNormFunction(torch.autograd.Function):
    """`batch_norm` whose gradient is `batch_norm_backward`: apply(x, gamma, beta, eps).

    Twice differentiable, since the backward pass is made of differentiable operations.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
        """y [N, C, *]."""
        return batch_norm(x, gamma, beta, eps)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep what the backward pass needs."""
        x, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(x, gamma)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of x, gamma and beta."""
        x, gamma = ctx.saved_tensors
        return *batch_norm_backward(dy, x, gamma, ctx.eps), None


def _all_but_channels(x: Tensor) -> list[int]:
    return [0, *range(2, x.dim())]
