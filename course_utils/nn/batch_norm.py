"""Batch normalization (Ioffe and Szegedy 2015)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from course_utils.nn.checks import check_batch_norm
from course_utils.nn.differentiable import half_as_float32
from course_utils.nn.norm import Norm
from course_utils.nn.normalize import moments, normalize, per_channel, scale_and_shift, update


class BatchNorm(Norm):
    """Normalize each channel over the batch, or by running statistics in evaluation mode.

        x_hat = (x - mu) / sqrt(sigma^2 + eps),    y = gamma x_hat + beta

    with mean mu and variance sigma^2 (divided by m) of the m numbers of a channel, over the batch
    and all positions. Arguments, attributes and `state_dict` as `torch.nn.BatchNorm1d`.

    ``momentum`` is the weight of the new batch: running = (1 - momentum) running + momentum batch,
    where running_var takes the variance divided by m - 1; with None it is the mean of all batches.
    ``track_running_stats=False``: batch statistics in evaluation mode, too.
    ``affine=False``: no gamma and beta; ``bias=False``: no beta.

    ValueError for inputs of another rank, one value per channel where batch statistics are used,
    eps that is not positive; RuntimeError for another number of channels.
    """

    ranks: ClassVar[tuple[int, ...]]
    by_value = ("num_features",)
    by_name = ("eps", "momentum", "affine", "bias", "track_running_stats")

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.add_parameters([num_features], affine, bias, device, dtype)
        self.add_running_statistics(num_features, track_running_stats, device, dtype)

    @half_as_float32
    def forward(self, x: Tensor) -> Tensor:
        """y of the shape of x, [N, C, *]."""
        check_batch_norm(self, x)
        axes = [0, *range(2, x.dim())]  # all but the channels
        if self.training or self.running_mean is None:
            mu, var = moments(x, axes)
        else:
            mu, var = per_channel(self.running_mean, x), per_channel(self.running_var, x)
        if self.training and self.track_running_stats:
            self.track(mu, var, m=x.numel() // x.shape[1])
        x_hat = normalize(x, axes, self.eps, (mu, var))
        return scale_and_shift(x_hat, gamma=self.weight, beta=self.bias, axis=1)

    def track(self, mu: Tensor, var: Tensor, m: int) -> None:
        """Enter the mean and variance of a batch of m numbers a channel in the running ones."""
        self.num_batches_tracked.add_(1)
        momentum: float | Tensor | None = self.momentum
        if momentum is None:
            momentum = 1 / self.num_batches_tracked.double()
        if m:
            update(self.running_mean, mu, momentum)
            update(self.running_var, var * m / (m - 1), momentum)


class BatchNorm1d(BatchNorm):
    """Batch normalization of [N, C] or [N, C, L]."""

    ranks = (2, 3)


class BatchNorm2d(BatchNorm):
    """Batch normalization of images [N, C, H, W], each channel over the batch and all pixels."""

    ranks = (4,)
