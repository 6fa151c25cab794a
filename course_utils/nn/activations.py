"""Activation functions as modules, with the arguments and defaults of `torch.nn`.

All but `Maxout` act element by element, take tensors of any shape, and have `derivative`, the
function that autograd uses. ``inplace`` writes the result into the input, as in PyTorch.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from course_utils.arguments import check_counts
from course_utils.nn import functions as f


class Activation(nn.Module):
    """What element-wise activations share; a subclass gives `function` and `derivative`."""

    inplace = False
    shown: ClassVar[tuple[str, ...]] = ()

    def function(self, x: Tensor) -> Tensor:
        """f(x)."""
        raise NotImplementedError

    def derivative(self, x: Tensor) -> Tensor:
        """f'(x)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """f(x), in the place of x if so asked."""
        if self.inplace:  # autograd needs the x before
            return x.copy_(self.function(x.clone()))
        return self.function(x)

    def extra_repr(self) -> str:
        """The arguments, as PyTorch writes them."""
        arguments = [f"{name}={getattr(self, name)!r}" for name in self.shown]
        return ", ".join(arguments + ["inplace=True"] * self.inplace)


class Sigmoid(Activation):
    """1 / (1 + e^-x)."""

    def function(self, x: Tensor) -> Tensor:
        """f(x)."""
        return f.sigmoid(x)

    def derivative(self, x: Tensor) -> Tensor:
        """f'(x)."""
        return f.sigmoid_derivative(x)


class Tanh(Activation):
    """(e^x - e^-x) / (e^x + e^-x)."""

    def function(self, x: Tensor) -> Tensor:
        """f(x)."""
        return f.tanh(x)

    def derivative(self, x: Tensor) -> Tensor:
        """f'(x)."""
        return f.tanh_derivative(x)


class ReLU(Activation):
    """max(0, x)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def function(self, x: Tensor) -> Tensor:
        """f(x)."""
        return f.relu(x)

    def derivative(self, x: Tensor) -> Tensor:
        """f'(x)."""
        return f.relu_derivative(x)


class LeakyReLU(Activation):
    """x for x > 0, else negative_slope x."""

    shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def function(self, x: Tensor) -> Tensor:
        """f(x)."""
        return f.leaky_relu(x, self.negative_slope)

    def derivative(self, x: Tensor) -> Tensor:
        """f'(x)."""
        return f.leaky_relu_derivative(x, self.negative_slope)


class ELU(Activation):
    """x for x > 0, else alpha (e^x - 1)."""

    shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def function(self, x: Tensor) -> Tensor:
        """f(x)."""
        return f.elu(x, self.alpha)

    def derivative(self, x: Tensor) -> Tensor:
        """f'(x)."""
        return f.elu_derivative(x, self.alpha)


class Softplus(Activation):
    """log(1 + e^(beta x)) / beta, and x where beta x > threshold."""

    shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def function(self, x: Tensor) -> Tensor:
        """f(x)."""
        return f.softplus(x, self.beta, self.threshold)

    def derivative(self, x: Tensor) -> Tensor:
        """f'(x)."""
        return f.softplus_derivative(x, self.beta, self.threshold)


class GELU(Activation):
    """x P(x) for the standard normal distribution function P; approximate: "none" or "tanh"."""

    shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def function(self, x: Tensor) -> Tensor:
        """f(x)."""
        return f.gelu(x, self.approximate)

    def derivative(self, x: Tensor) -> Tensor:
        """f'(x)."""
        return f.gelu_derivative(x, self.approximate)


class SiLU(Activation):
    """x / (1 + e^-x)."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def function(self, x: Tensor) -> Tensor:
        """f(x)."""
        return f.silu(x)

    def derivative(self, x: Tensor) -> Tensor:
        """f'(x)."""
        return f.silu_derivative(x)


class Maxout(nn.Module):
    """The largest of ``pieces`` linear functions, for each output: max_k (w_k^T x + b_k).

    [*, in_features] -> [*, out_features], drawn as `torch.nn.Linear` does. ValueError for sizes
    below 1. Source: Goodfellow et al. 2013, "Maxout Networks".

    >>> Maxout(4, 3)(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        pieces: int = 2,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_counts(in_features=in_features, out_features=out_features, pieces=pieces)
        self.pieces = pieces
        self.linear = nn.Linear(
            in_features, out_features * pieces, bias=bias, device=device, dtype=dtype
        )

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [*, out_features] of inputs [*, in_features]."""
        z = self.linear(x).unflatten(-1, (-1, self.pieces))  # z[..., j, k] = w_jk x + b_jk
        y: Tensor = z.max(-1).values
        return y
