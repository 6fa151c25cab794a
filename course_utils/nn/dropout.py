"""Dropout and its relatives: in training, each number is multiplied by noise of its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class MultiplicativeNoise(nn.Module):
    """y = x m in training, with noise m of mean 1 drawn for each element; y = x in evaluation.

    A subclass gives `noise`. For x of mean c and variance v, independent of m,

        E[y] = c,    Var[y] = v + (v + c^2) s^2    with s^2 = Var[m].

    RuntimeError for inputs that are not floating-point numbers.
    """

    def noise(self, x: Tensor) -> Tensor:
        """m of the shape of x, in float32 or better."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """y of the shape of x."""
        if not self.training:
            return x
        return x * self.noise(x).to(x.dtype)


class Dropout(MultiplicativeNoise):
    """Drop each number with probability p, and divide the others by 1 - p, as `torch.nn.Dropout`.

        training: y = d x / (1 - p),  d ~ Bernoulli(1 - p);    evaluation: y = x

    Called *inverted* dropout, because the scaling is in training. s^2 = p / (1 - p).
    ``p``: the probability to *drop*; ``inplace``: write y into x.
    ValueError for p outside [0, 1].

    >>> Dropout(0.5)(torch.ones(1000)).unique()
    tensor([0., 2.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check_probability(p)
        self.p = p
        self.inplace = inplace

    def noise(self, x: Tensor) -> Tensor:
        """d / (1 - p)."""
        u = uniform(x)
        d = (u >= self.p).to(u.dtype)
        return d / (1 - self.p) if self.p < 1 else d

    def forward(self, x: Tensor) -> Tensor:
        """y, in the place of x if so asked."""
        if self.inplace and self.training:
            return x.mul_(self.noise(x).to(x.dtype))
        return super().forward(x)

    def extra_repr(self) -> str:
        """The arguments, as PyTorch writes them."""
        return f"p={self.p}, inplace={self.inplace}"


class ClassicDropout(nn.Module):
    """Keep each number with probability `keep`, and scale in *evaluation*.

        training: y = d x,  d ~ Bernoulli(keep);    evaluation: y = keep x

    The paper calls the probability to keep p; here it is called ``keep``, so that nobody takes it
    for PyTorch's p = 1 - keep. ValueError for keep outside [0, 1], RuntimeError as `Dropout`.
    Source: Srivastava et al. 2014.

    >>> ClassicDropout(keep=0.8).eval()(torch.ones(3))
    tensor([0.8000, 0.8000, 0.8000])
    """

    def __init__(self, keep: float = 0.5) -> None:
        super().__init__()
        check_probability(keep, "keep")
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        """y of the shape of x."""
        if not self.training:
            return self.keep * x
        d = uniform(x) < self.keep
        return d * x

    def extra_repr(self) -> str:
        """The probability to keep."""
        return f"keep={self.keep}"


class GaussianDropout(MultiplicativeNoise):
    """y = x (1 + r), r ~ N(0, s^2) with the variance of dropout, s^2 = p / (1 - p).

    p = 0.5 is the x + x r with r ~ N(0, 1) of the paper. ValueError for p outside [0, 1).
    Source: Srivastava et al. 2014, section 10, whose p is 1 - p.

    >>> GaussianDropout(0.2).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        check_probability(p)
        if p == 1:
            raise ValueError("p must be below 1, where the noise is infinite, got 1")
        self.p = p

    def noise(self, x: Tensor) -> Tensor:
        """1 + r."""
        r = torch.randn_like(x, dtype=at_least_float32(x))
        return 1 + math.sqrt(self.p / (1 - self.p)) * r

    def extra_repr(self) -> str:
        """The rate of the dropout with the same variance."""
        return f"p={self.p}"


class Uout(MultiplicativeNoise):
    """y = x (1 + r), r ~ U(-beta, beta): noise of a small variance, s^2 = beta^2 / 3.

    ValueError for beta outside [0, 1]. Source: Li et al. 2019, section 5.

    >>> y = Uout(0.1)(torch.ones(1000))
    >>> bool((0.9 <= y).all() and (y <= 1.1).all())
    True
    """

    def __init__(self, beta: float = 0.1) -> None:
        super().__init__()
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must lie in [0, 1], got {beta}")
        self.beta = beta

    def noise(self, x: Tensor) -> Tensor:
        """1 + r."""
        return 1 + self.beta * (2 * uniform(x) - 1)

    def extra_repr(self) -> str:
        """The largest change of a number, as a share of it."""
        return f"beta={self.beta}"


def uniform(x: Tensor) -> Tensor:
    """Numbers of U[0, 1) for each element of x: half precision would be too coarse for a rate."""
    return torch.rand_like(x, dtype=at_least_float32(x))


def at_least_float32(x: Tensor) -> torch.dtype:
    """The precision to draw noise for x in; RuntimeError for anything but floats, as PyTorch."""
    if not x.is_floating_point():
        raise RuntimeError(f"result type Float can't be cast to the desired output type {x.dtype}")
    return torch.promote_types(x.dtype, torch.float32)


def check_probability(p: float, name: str = "dropout probability") -> None:
    """Raise the ValueError of `torch.nn.Dropout` unless 0 <= p <= 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name} has to be between 0 and 1, but got {p}")
