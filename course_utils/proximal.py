"""Minimise f(x) + l1 |x|_1 for a smooth f: soft threshold, ISTA and FISTA.

The L1 norm has a kink at 0, and steps along its gradient pass over it. Here a step follows the
gradient of f alone, and then the L1 norm is minimised exactly, near where that led: entries become
exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch import Tensor

from course_utils.arguments import check_counts

__all__ = ["fista", "ista", "soft_threshold"]

Gradient = Callable[[Tensor], Tensor]
Observer = Callable[[Tensor], object]


def soft_threshold(x: Tensor, threshold: float | Tensor) -> Tensor:
    """Move each entry towards 0 by the threshold, and to 0 those that are not further away.

        S(x, t) = sign(x) max(|x| - t, 0) = argmin over z of (z - x)^2 / 2 + t |z|

    ``x``: floating point, any shape; ``threshold``: a number, or a tensor that broadcasts to x.
    As `torch.nn.functional.softshrink`. ValueError for a threshold that is negative or NaN.

    >>> soft_threshold(torch.tensor([-3.0, 0.5, 2.0]), 1.0)
    tensor([-2.,  0.,  1.])
    """
    if not torch.as_tensor(threshold >= 0).all():
        raise ValueError(f"threshold must be at least 0, got {threshold}")
    # The same as with the sign, but without -0.0, and with softshrink's gradient at the kinks.
    return torch.relu(x - threshold) - torch.relu(-x - threshold)


def ista(
    gradient: Gradient,
    x: Tensor,
    *,
    lr: float | Tensor,
    l1: float | Tensor,
    steps: int,
    tol: float = 0.0,
    observe: Observer | None = None,
) -> Tensor:
    """Proximal gradient descent on f(x) + l1 |x|_1 from the start x::

        x = S(x - lr gradient(x), lr l1)

    ``gradient``: that of f, of the shape of x. For a convex f and lr <= 1 / L, where L is the
    largest eigenvalue of f's Hessian anywhere, the objective falls with every step, and after k
    steps it is within |x_0 - x*|^2 / (2 lr k) of its minimum. ``lr`` and ``l1`` may be tensors that
    broadcast to x, so that many problems, x [problems, D], are solved at once.
    Stops after ``steps``, or when a step has moved no entry by more than ``tol``.
    ``observe``: called with each new x.

    ValueError for lr <= 0, a negative l1 or tol, steps < 1, or a gradient of another shape than x.
    Sources: Daubechies, Defrise and De Mol 2004; Beck and Teboulle 2009, theorem 3.1.

    >>> ista(lambda x: x - torch.tensor([3.0, -0.5]), torch.zeros(2), lr=0.5, l1=1.0, steps=50)
    tensor([2., 0.])
    """
    _check(lr, l1, tol, steps)
    return _last(islice(_ista(gradient, x, lr, l1), steps), tol, observe)


def fista(
    gradient: Gradient,
    x: Tensor,
    *,
    lr: float | Tensor,
    l1: float | Tensor,
    steps: int,
    tol: float = 0.0,
    observe: Observer | None = None,
) -> Tensor:
    """ISTA with Nesterov's momentum: a step starts from a point y, ahead of x::

        x_k = S(y - lr gradient(y), lr l1)
        t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2                  at the start y = x_0 and t_1 = 1
        y = x_k + (t_k - 1) / t_{k+1} (x_k - x_{k-1})

    Arguments and errors as for `ista`. The distance to the minimum is at most
    2 |x_0 - x*|^2 / (lr (k + 1)^2), but a step may lead up.
    Source: Beck and Teboulle 2009, theorem 4.4.

    >>> fista(lambda x: x - torch.tensor([3.0, -0.5]), torch.zeros(2), lr=1.0, l1=1.0, steps=50)
    tensor([2., 0.])
    """
    _check(lr, l1, tol, steps)
    return _last(islice(_fista(gradient, x, lr, l1), steps), tol, observe)


def _ista(
    gradient: Gradient, x: Tensor, lr: float | Tensor, l1: float | Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of where a step starts and where it ends."""
    while True:
        before, x = x, soft_threshold(x - lr * _checked(gradient(x), x), lr * l1)
        yield before, x


def _fista(
    gradient: Gradient, x: Tensor, lr: float | Tensor, l1: float | Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of where a step starts, which is y, and where it ends."""
    y, t = x, 1.0
    while True:
        before, x = x, soft_threshold(y - lr * _checked(gradient(y), y), lr * l1)
        yield y, x
        t_before, t = t, (1 + math.sqrt(1 + 4 * t**2)) / 2
        y = x + (t_before - 1) / t * (x - before)


def _last(pairs: Iterator[tuple[Tensor, Tensor]], tol: float, observe: Observer | None) -> Tensor:
    """Where the last step ends."""
    for before, x in pairs:
        if observe is not None:
            observe(x)
        # Measured from y: x may rest between two steps of FISTA and move again.
        if bool((x - before).abs().max() <= tol):
            break
    return x


def _check(lr: float | Tensor, l1: float | Tensor, tol: float, steps: int) -> None:
    if not torch.as_tensor(lr > 0).all():
        raise ValueError(f"lr must be above 0, got {lr}")
    if not torch.as_tensor(l1 >= 0).all():
        raise ValueError(f"l1 must be at least 0, got {l1}")
    if not tol >= 0:
        raise ValueError(f"tol must be at least 0, got {tol}")
    check_counts(steps=steps)


def _checked(g: Tensor, x: Tensor) -> Tensor:
    if g.shape != x.shape:
        raise ValueError(f"gradient must return the shape {list(x.shape)}, got {list(g.shape)}")
    return g
