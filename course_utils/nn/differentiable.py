"""Element-wise functions whose derivative is written by hand, and half precision as in PyTorch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
Self = TypeVar("Self")
Function = Callable[Concatenate[Tensor, P], Tensor]


def with_derivative(derivative: Function[P]) -> Callable[[Function[P]], Function[P]]:
    """Decorate an element-wise f(x, ...): autograd uses ``derivative``, f'(x, ...), not its own.

    f' must be differentiable itself where a second derivative is asked for.

    >>> @with_derivative(lambda x: 2 * x)
    ... def square(x):
    ...     return x * x
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.grad(square(x), x)
    (tensor(6.),)
    """

    def decorate(f: Function[P]) -> Function[P]:
        @functools.wraps(f)
        def differentiable(x: Tensor, /, *args: P.args, **kwargs: P.kwargs) -> Tensor:
            return _call(
                x,
                lambda x: at_least_float32(lambda x: f(x, *args, **kwargs), x),
                lambda x: at_least_float32(lambda x: derivative(x, *args, **kwargs), x),
            )

        return differentiable

    return decorate


def at_least_float32(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """f(x); float16 and bfloat16 are computed in float32 and rounded once, as PyTorch does."""
    if x.dtype in (torch.float16, torch.bfloat16):
        return f(x.float()).to(x.dtype)
    return f(x)


def half_as_float32(forward: Callable[[Self, Tensor], Tensor]) -> Callable[[Self, Tensor], Tensor]:
    """Decorate a `forward` so that float16 and bfloat16 are computed in float32, as in PyTorch."""

    @functools.wraps(forward)
    def wrapped(self: Self, x: Tensor) -> Tensor:
        return at_least_float32(functools.partial(forward, self), x)

    return wrapped


def _call(x: Tensor, f: Callable[[Tensor], Tensor], df: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply the autograd function; `apply` has no types in PyTorch."""
    apply: Any = _Elementwise.apply
    y: Tensor = apply(x, f, df)
    return y


class _Elementwise(torch.autograd.Function):
    """y = f(x),  dl/dx = dl/dy f'(x)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, f: Callable[[Tensor], Tensor], df: Callable[[Tensor], Tensor]) -> Tensor:
        return f(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, _, ctx.df = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return grad * ctx.df(x), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        (x,) = ctx.saved_tensors
        y: Tensor = tangent * ctx.df(x)
        return y
