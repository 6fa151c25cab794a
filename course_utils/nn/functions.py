"""Activation functions and their derivatives, element by element.

Autograd uses the derivatives written here. Each `f` has its `f_derivative` with the same arguments,
so a page can show both and plot them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_utils.nn.differentiable import with_derivative


def sigmoid_derivative(x: Tensor) -> Tensor:
    """s(x) (1 - s(x)), where 1 - s(x) = s(-x) also where s(x) rounds to 1."""
    return sigmoid(x) * sigmoid(-x)


@with_derivative(sigmoid_derivative)
def sigmoid(x: Tensor) -> Tensor:
    """s(x) = 1 / (1 + e^-x), without overflow for any x.

    >>> sigmoid(torch.tensor([-1000.0, 0.0, 1000.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    e = torch.exp(-x.abs())  # between 0 and 1
    return torch.where(x >= 0, 1, e) / (1 + e)


def tanh_derivative(x: Tensor) -> Tensor:
    """1 - tanh(x)^2 = 4 s(2x) s(-2x), which does not cancel for large x."""
    return 4 * sigmoid(2 * x) * sigmoid(-2 * x)


@with_derivative(tanh_derivative)
def tanh(x: Tensor) -> Tensor:
    """(e^x - e^-x) / (e^x + e^-x) = 2 s(2x) - 1."""
    e = torch.expm1(-2 * x.abs())  # e^-2|x| - 1, exact for small x
    return -x.sign() * e / (e + 2)


def relu_derivative(x: Tensor) -> Tensor:
    """1 for x > 0, else 0."""
    return (x > 0).to(x.dtype)


@with_derivative(relu_derivative)
def relu(x: Tensor) -> Tensor:
    """max(0, x)."""
    return x.clamp(min=0)


def leaky_relu_derivative(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """1 for x > 0, else negative_slope."""
    return torch.where(x > 0, torch.ones_like(x), negative_slope)


@with_derivative(leaky_relu_derivative)
def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x for x > 0, else negative_slope x."""
    return torch.where(x > 0, x, negative_slope * x)


def elu_derivative(x: Tensor, alpha: float = 1.0) -> Tensor:
    """1 for x > 0, else alpha e^x."""
    return torch.where(x > 0, 1.0, alpha * torch.exp(x.clamp(max=0)))


@with_derivative(elu_derivative)
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x for x > 0, else alpha (e^x - 1)."""
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp(max=0)))


def softplus_derivative(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """s(beta x)."""
    return torch.where(beta * x > threshold, 1.0, sigmoid(beta * x))


@with_derivative(softplus_derivative)
def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta x)) / beta, and x where beta x > threshold."""
    return torch.where(beta * x > threshold, x, torch.log1p(torch.exp(beta * x)) / beta)


def gelu_derivative(x: Tensor, approximate: str = "none") -> Tensor:
    """P(x) + x p(x) for the standard normal density p, or the derivative of the approximation."""
    if approximate == "none":
        density = torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi)
        return (1 + torch.erf(x / math.sqrt(2))) / 2 + x * density
    t = tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return (1 + t) / 2 + x / 2 * (1 - t * t) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)


@with_derivative(gelu_derivative)
def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """x P(x) for the standard normal distribution function P, or approximated by "tanh".

    x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2. Source: Hendrycks and Gimpel 2016.
    RuntimeError for another ``approximate``.
    """
    if approximate == "none":
        return x * (1 + torch.erf(x / math.sqrt(2))) / 2
    if approximate == "tanh":
        return x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    raise RuntimeError("approximate argument must be either none or tanh.")


def silu_derivative(x: Tensor) -> Tensor:
    """s(x) + x s(x) (1 - s(x))."""
    return sigmoid(x) + x * sigmoid(x) * sigmoid(-x)


@with_derivative(silu_derivative)
def silu(x: Tensor) -> Tensor:
    """x s(x), also called swish."""
    return x * sigmoid(x)
