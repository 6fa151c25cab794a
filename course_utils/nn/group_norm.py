"""Group normalization (Wu and He 2018) and instance normalization (Ulyanov et al. 2016)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from course_utils.nn.checks import check_group_norm, check_groups, check_instance_norm
from course_utils.nn.differentiable import half_as_float32
from course_utils.nn.norm import Norm
from course_utils.nn.normalize import moments, normalize, per_channel, scale_and_shift, update


class GroupNorm(Norm):
    """Normalize each example over groups of channels, and all positions; gamma, beta a channel.

    One group is layer normalization over all channels and positions, a group for each channel is
    instance normalization. The same in training and evaluation mode. Arguments, attributes and
    `state_dict` as `torch.nn.GroupNorm`.

    ValueError for groups that do not divide the channels and for one value per group; RuntimeError
    for fewer than 2 dimensions and another number of channels.
    """

    by_value = ("num_groups", "num_channels")
    by_name = ("eps", "affine", "bias")

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check_groups(num_groups, num_channels)
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.add_parameters([num_channels], affine, bias, device, dtype)

    @half_as_float32
    def forward(self, x: Tensor) -> Tensor:
        """y of the shape of x, [N, C, *]."""
        check_group_norm(self, x)
        n, g = len(x), self.num_groups
        groups = x.reshape(n, g, x.shape[1] // g, *x.shape[2:])  # [N, G, C / G, *]
        axes = range(2, groups.dim())  # all but examples and groups
        x_hat = normalize(groups, axes, self.eps).view_as(x)
        return scale_and_shift(x_hat, gamma=self.weight, beta=self.bias, axis=1)


class InstanceNorm2d(Norm):
    """Normalize each channel of each image [N, C, H, W] or [C, H, W] over its pixels.

    Arguments, attributes and `state_dict` as `torch.nn.InstanceNorm2d`: by default there are no
    gamma and beta, and no running statistics; with track_running_stats those are the means over
    the images, used in evaluation mode.

    ValueError for inputs of another rank, one pixel, and with affine another number of channels;
    RuntimeError for another number with track_running_stats.
    """

    by_value = ("num_features",)
    by_name = ("eps", "momentum", "affine", "bias", "track_running_stats")

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
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
        """y of the shape of x."""
        check_instance_norm(self, x)
        axes = [-2, -1]  # the pixels
        if self.training or not self.track_running_stats:
            mu, var = moments(x, axes)
        else:
            mu, var = per_channel(self.running_mean, x, -3), per_channel(self.running_var, x, -3)
        if self.training and self.track_running_stats:
            self.track(mu, var, m=x.shape[-2] * x.shape[-1])
        x_hat = normalize(x, axes, self.eps, (mu, var))
        return scale_and_shift(x_hat, gamma=self.weight, beta=self.bias, axis=-3)

    def track(self, mu: Tensor, var: Tensor, m: int) -> None:
        """Enter the means over the images in the running ones; momentum None: as they are."""
        if self.momentum is not None:
            channels = (-1, self.num_features)
            update(self.running_mean, mu.reshape(channels).mean(0), self.momentum)
            update(self.running_var, var.reshape(channels).mean(0) * m / (m - 1), self.momentum)
