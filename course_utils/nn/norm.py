"""What normalization layers share: their parameters, running statistics and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Norm(nn.Module):
    """A layer with gamma (`weight`) and beta (`bias`), and maybe running statistics."""

    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    # The arguments in the text of the module: by value, and by name.
    by_value: ClassVar[tuple[str, ...]] = ()
    by_name: ClassVar[tuple[str, ...]] = ()

    def add_parameters(
        self, shape: Sequence[int], weight: bool, bias: bool, device: Any, dtype: Any
    ) -> None:
        """Register gamma of ones and beta of zeros, or None."""
        for name, wanted in {"weight": weight, "bias": weight and bias}.items():
            values = torch.empty(tuple(shape), device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, None if values is None else nn.Parameter(values))
        self.reset_parameters()

    def add_running_statistics(self, channels: int, wanted: bool, device: Any, dtype: Any) -> None:
        """Register a running mean of zeros, a running variance of ones and a count, or None."""
        mean, var, count = None, None, None
        if wanted:
            mean = torch.zeros(channels, device=device, dtype=dtype)
            var = torch.ones(channels, device=device, dtype=dtype)
            count = torch.tensor(0, device=device)
        self.register_buffer("running_mean", mean)
        self.register_buffer("running_var", var)
        self.register_buffer("num_batches_tracked", count)

    def reset_parameters(self) -> None:
        """Start anew: y = x_hat, and nothing seen."""
        self.reset_running_stats()
        if self.weight is not None:
            nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def reset_running_stats(self) -> None:
        """Forget the batches seen: mean 0, variance 1, count 0."""
        for name, value in {"running_mean": 0, "running_var": 1, "num_batches_tracked": 0}.items():
            buffer: Tensor | None = getattr(self, name, None)
            if buffer is not None:
                buffer.fill_(value)

    def extra_repr(self) -> str:
        """The arguments, as PyTorch writes them."""
        values = {name: getattr(self, name) for name in (*self.by_value, *self.by_name)}
        values |= {"bias": self.bias is not None} if "bias" in values else {}
        by_name = [f"{name}={values[name]}" for name in self.by_name]
        return ", ".join([str(values[name]) for name in self.by_value] + by_name)


def as_shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    """The shape as a tuple; a number is a shape of one dimension."""
    if isinstance(normalized_shape, int):
        return (normalized_shape,)
    return tuple(normalized_shape)
