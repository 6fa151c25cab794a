"""Checks of what `course_utils.ensemble.train` is called with."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TypeVar

import torch
from torch import Tensor, nn

Inputs = Tensor | tuple[Tensor, ...]
Data = tuple[Inputs, Tensor]
T = TypeVar("T")


def count_settings(models: Sequence[nn.Module], seeds: Sequence[int]) -> int:
    """Return G = len(models) / len(seeds); ValueError if that is not a whole number above 0."""
    if not len(models) or not len(seeds) or len(models) % len(seeds):
        raise ValueError(
            "models must be G settings of len(seeds) modules each, "
            f"got {len(models)} models for {len(seeds)} seeds"
        )
    return len(models) // len(seeds)


def check_counts(**counts: int) -> None:
    """Raise TypeError for a count that is no integer, ValueError for one below 1."""
    for name, count in counts.items():
        if not isinstance(count, Integral):
            raise TypeError(f"{name} must be an integer, got {count!r}")
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")


def for_each_setting(name: str, value: T | Sequence[T], settings: int) -> list[T]:
    """Return a list of `settings` values: the one given repeated, or the list given."""
    if not isinstance(value, Sequence):
        return [value] * settings
    if len(value) != settings:
        raise ValueError(
            f"{name} must be one or a list of {settings}, one for each setting, got {len(value)}"
        )
    return list(value)


def as_tensors(name: str, data: Data, device: torch.device) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return (inputs, targets) on the device, inputs as a tuple.

    TypeError for anything but tensors, ValueError if lengths differ.
    """
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"{name} must be a pair (inputs, targets), got {type(data).__name__}")
    inputs = data[0] if isinstance(data[0], tuple) else (data[0],)
    targets = data[1]
    for part, x in (*(("inputs", x) for x in inputs), ("targets", targets)):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"{name} must hold a tensor or a tuple of tensors, and a tensor of targets, "
                f"got as {part} {type(x).__name__}"
            )
    lengths = [len(x) if x.dim() else 0 for x in (*inputs, targets)]
    if len(set(lengths)) != 1 or not lengths[0]:
        raise ValueError(
            f"{name} must hold inputs and targets of one length, at least 1, got {lengths}"
        )
    return tuple(x.to(device) for x in inputs), targets.to(device)
