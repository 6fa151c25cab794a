"""The backward pass of batch normalization as it is written out, against autograd and torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.nn import BatchNormFunction, batch_norm_backward
from course_utils.nn.batch_norm_function import batch_norm

G = torch.Generator().manual_seed(0)
shapes = pytest.mark.parametrize("shape", [(6, 3), (2, 3), (5, 3, 4), (2, 3, 2, 4)])


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order() -> None:
    G.manual_seed(0)


def example(shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x, gamma, beta, dy."""
    x, dy = (1 + 2 * torch.randn(2, *shape, generator=G, dtype=torch.float64)).unbind()
    gamma, beta = torch.randn(2, shape[1], generator=G, dtype=torch.float64).unbind()
    return x.requires_grad_(), gamma.clone().requires_grad_(), beta.clone().requires_grad_(), dy


def written_out(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    return BatchNormFunction.apply(x, gamma, beta, eps)


def pytorch(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


def derivatives(f: Callable[..., Tensor], shape: tuple[int, ...], eps: float) -> list[Tensor]:
    """y, its gradients, and the gradients of their sum of squares."""
    G.manual_seed(len(shape))
    *at, dy = example(shape)
    y = f(*at, eps)
    first = torch.autograd.grad(y, at, dy, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), at, allow_unused=True)
    return [y.detach(), *first, *(g for g in second if g is not None)]


@shapes
@pytest.mark.parametrize("eps", [1e-5, 0.3])
def test_written_out_equals_plain_autograd_equals_torch(shape: tuple, eps: float) -> None:
    found = [derivatives(f, shape, eps) for f in (written_out, batch_norm, pytorch)]
    assert len(found[0]) == len(found[1]) == len(found[2]) == 6  # beta has no second derivative
    for mine, plain, torchs in zip(*found, strict=True):
        torch.testing.assert_close(mine, plain, atol=1e-12, rtol=1e-12)
        torch.testing.assert_close(mine, torchs, atol=1e-10, rtol=1e-10)


@shapes
def test_gradcheck(shape: tuple) -> None:
    *at, _ = example(shape)
    assert torch.autograd.gradcheck(lambda *a: written_out(*a, 0.1), at)
    assert torch.autograd.gradgradcheck(lambda *a: written_out(*a, 0.1), at)


@shapes
def test_each_gradient_alone(shape: tuple) -> None:
    x, gamma, beta, dy = example(shape)
    found = batch_norm_backward(dy, x, gamma, eps=0.1)
    wanted = torch.autograd.grad(batch_norm(x, gamma, beta, 0.1), (x, gamma, beta), dy)
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-12)


def test_gradient_has_no_mean_and_none_along_x_hat() -> None:
    """What the division by m does: shifting or, for eps = 0, scaling x leaves y as it is."""
    x, gamma, _, dy = example((4, 3))
    dx, _, _ = batch_norm_backward(dy, x, gamma, eps=0.0)
    zero = torch.zeros(3, dtype=torch.float64)
    torch.testing.assert_close(dx.sum(0), zero, atol=1e-12, rtol=0)
    torch.testing.assert_close((dx * (x - x.mean(0))).sum(0), zero, atol=1e-12, rtol=0)


def test_the_division_by_m_minus_1_of_the_lecture_is_no_gradient() -> None:
    source = inspect.getsource(batch_norm_backward)
    lecture: dict = {}
    module = inspect.getmodule(batch_norm_backward)
    exec(source.replace("(x - mu) / m ", "(x - mu) / (m - 1) "), vars(module) | {}, lecture)
    x, gamma, _, dy = example((4, 3))
    wrong = lecture["batch_norm_backward"](dy, x, gamma, 0.0)[0]
    sigma = x.std(0, correction=0)
    x_hat = (x - x.mean(0)) / sigma
    along_x_hat = -gamma / sigma * (dy * x_hat).sum(0) / (4 - 1)  # and 0 with m, as above
    torch.testing.assert_close((wrong * x_hat).sum(0), along_x_hat, atol=1e-12, rtol=1e-12)
    assert (along_x_hat.abs() > 1e-6).all()


def test_under_vmap() -> None:
    x, gamma, beta, dy = (torch.stack([t.detach()] * 3) for t in example((6, 3)))
    x = x + torch.randn(x.shape, generator=G, dtype=torch.float64)

    def loss(
        f: Callable[..., Tensor], x: Tensor, gamma: Tensor, beta: Tensor, dy: Tensor
    ) -> Tensor:
        return (f(x, gamma, beta, 1e-5) * dy).sum()

    each = [
        torch.vmap(torch.func.grad(lambda *a, f=f: loss(f, *a), argnums=(0, 1, 2)))(
            x, gamma, beta, dy
        )
        for f in (written_out, batch_norm)
    ]
    torch.testing.assert_close(each[0], each[1], atol=1e-12, rtol=1e-12)
