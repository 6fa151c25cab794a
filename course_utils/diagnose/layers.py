"""Layers that do something else in training than in evaluation."""

from __future__ import annotations

from torch import Tensor, nn


def has_running_stats(module: nn.Module) -> bool:
    """Whether a module keeps running statistics, as batch norm does."""
    return getattr(module, "running_mean", None) is not None


def is_dropout(module: nn.Module) -> bool:
    """Whether a module is a dropout layer, one of PyTorch's or one that is called so."""
    named_so = "Dropout" in type(module).__name__ and next(module.children(), None) is None
    return isinstance(module, nn.modules.dropout._DropoutNd) or named_so


def dropout_rate(module: nn.Module) -> float:
    """The probability to drop of a dropout layer; 0 for others."""
    p = getattr(module, "p", 0.0) if is_dropout(module) else 0.0
    return float(p) if isinstance(p, int | float | Tensor) else 0.0
