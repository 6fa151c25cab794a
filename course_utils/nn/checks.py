"""Checks of what normalization layers get, with the errors of PyTorch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from course_utils.nn.batch_norm import BatchNorm
    from course_utils.nn.group_norm import GroupNorm, InstanceNorm2d
    from course_utils.nn.layer_norm import LayerNorm
    from course_utils.nn.norm import Norm
    from course_utils.nn.rms_norm import RMSNorm


def check_batch_norm(layer: BatchNorm, x: Tensor) -> None:
    """Raise what `torch.nn.BatchNorm1d` raises for an input."""
    if x.dim() not in layer.ranks:
        expected = " or ".join(f"{rank}D" for rank in layer.ranks)
        raise ValueError(f"expected {expected} input (got {x.dim()}D input)")
    use_batch = layer.training or layer.running_mean is None
    if use_batch:
        _check_batch_size(x.shape)
        if layer.eps <= 0:
            raise ValueError(
                f"batch_norm eps must be positive during training, but got {layer.eps}"
            )
    elif layer.eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {layer.eps}")
    _check_channels(layer, x.shape[1], 1)
    _check_dtype(layer, x, "running_mean")


def check_layer_norm(layer: LayerNorm, x: Tensor) -> None:
    """Raise what `torch.nn.LayerNorm` raises for an input."""
    _check_shape(layer.normalized_shape, x, "[*, {}]")
    _check_dtype(layer, x)


def check_rms_norm(layer: RMSNorm, x: Tensor) -> None:
    """Raise what `torch.nn.RMSNorm` raises for an input."""
    dims = len(layer.normalized_shape)
    if x.dim() < dims:
        raise ValueError(f"Input tensor must have at least {dims} dimensions, but got {x.dim()}")
    _check_shape(layer.normalized_shape, x, "[*{}]")


def check_groups(num_groups: int, num_channels: int) -> None:
    """Raise ValueError unless the groups divide the channels."""
    if num_channels % num_groups != 0:
        raise ValueError(
            f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
        )


def check_group_norm(layer: GroupNorm, x: Tensor) -> None:
    """Raise what `torch.nn.GroupNorm` raises for an input."""
    if x.dim() < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {x.dim()}"
        )
    groups = layer.num_groups
    _check_batch_size([x.shape[0] * x.shape[1] // groups, groups, *x.shape[2:]])
    if groups < 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {groups}")
    if x.shape[1] % groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, "
            f"but got input of shape {list(x.shape)} and num_groups={groups}"
        )
    for name in ("weight", "bias"):
        values: Tensor | None = getattr(layer, name)
        if values is not None and len(values) != x.shape[1]:
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in "
                f"input, but got {name} of shape {list(values.shape)} "
                f"and input of shape {list(x.shape)}"
            )
    _check_dtype(layer, x)


def check_instance_norm(layer: InstanceNorm2d, x: Tensor) -> None:
    """Raise what `torch.nn.InstanceNorm2d` raises for an input."""
    if x.dim() not in (3, 4):
        raise ValueError(f"expected 3D or 4D input (got {x.dim()}D input)")
    axis = x.dim() - 3
    channels = x.shape[axis]
    if channels != layer.num_features and layer.affine:
        raise ValueError(
            f"expected input's size at dim={axis} to match num_features"
            f" ({layer.num_features}), but got: {channels}."
        )
    if channels != layer.num_features:
        warnings.warn(
            f"input's size at dim={axis} does not match num_features. You can silence this warning "
            "by not passing in num_features, which is not used because affine=False",
            stacklevel=3,
        )
    if (layer.training or not layer.track_running_stats) and x.shape[-2] * x.shape[-1] == 1:
        size = x.shape if x.dim() == 4 else x.unsqueeze(0).shape
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {size}"
        )
    _check_channels(layer, channels, len(x) if x.dim() == 4 else 1)
    _check_dtype(layer, x)


def _check_batch_size(size: Sequence[int]) -> None:
    if size[0] * math.prod(size[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {size}"
        )


def _check_channels(layer: Norm, channels: int, copies: int) -> None:
    """Raise RuntimeError for tensors of another number of channels; each is used for ``copies``."""
    for name in ("running_mean", "weight"):
        values: Tensor | None = getattr(layer, name)
        if values is not None and len(values) != channels:
            raise RuntimeError(
                f"{name} should contain {channels * copies} elements not {len(values) * copies}"
            )


def _check_dtype(layer: Norm, x: Tensor, *others: str) -> None:
    """Raise RuntimeError where float64 meets another precision; half precision may be mixed."""
    for name in ("weight", "bias", *others):
        values: Tensor | None = getattr(layer, name)
        if values is not None and (values.dtype == torch.float64) != (x.dtype == torch.float64):
            raise RuntimeError(
                f"mixed dtype ({x.device.type.upper()}): all inputs must share same datatype."
            )


def _check_shape(normalized_shape: tuple[int, ...], x: Tensor, pattern: str) -> None:
    dims = len(normalized_shape)
    if not dims:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., "
            "containing at least one element, but got normalized_shape = []"
        )
    if x.dim() < dims or tuple(x.shape[-dims:]) != normalized_shape:
        expected = pattern.format(", ".join(map(str, normalized_shape)))
        raise RuntimeError(
            f"Given normalized_shape={list(normalized_shape)}, expected input with shape "
            f"{expected}, but got input of size{list(x.shape)}"
        )
