"""`sparse_linear` against the dense product."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from course_utils.sparse import sparse_linear

N, V, H = 6, 11, 3


def example(seed: int = 0, members: tuple[int, ...] = ()) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """ids, counts, weight, and the same vectors dense; a row is empty, others are filled up."""
    g = torch.Generator().manual_seed(seed)
    dense = torch.rand(*members, N, V, generator=g, dtype=torch.float64)
    dense = dense * (dense > 0.6)
    dense[..., 2, :] = 0
    counts, ids = dense.sort(-1, descending=True)
    counts, ids = counts[..., :-1], ids[..., :-1].masked_fill(counts[..., :-1] == 0, V)
    weight = torch.randn(*members, H, V, generator=g, dtype=torch.float64, requires_grad=True)
    return ids, counts, weight, dense


def test_it_is_the_dense_product() -> None:
    ids, counts, weight, dense = example()
    torch.testing.assert_close(sparse_linear(ids, counts, weight), dense @ weight.t())


def test_gradients_of_both_orders() -> None:
    ids, counts, weight, _ = example()

    def product(weight: Tensor) -> Tensor:
        return sparse_linear(ids, counts, weight)

    assert torch.autograd.gradcheck(product, weight)
    assert torch.autograd.gradgradcheck(lambda w: product(w).pow(2), weight)


@pytest.mark.parametrize("shared", [False, True], ids=["own texts", "shared texts"])
def test_vmap_is_a_loop(shared: bool) -> None:
    ids, counts, weight, _ = example(members=(4,))
    if shared:
        ids, counts = ids[0], counts[0]
    dims = (None, None, 0) if shared else (0, 0, 0)
    rows = [(ids, counts) if shared else (ids[m], counts[m]) for m in range(4)]
    batched = torch.vmap(sparse_linear, in_dims=dims)(ids, counts, weight)
    looped = torch.stack([sparse_linear(*rows[m], weight[m]) for m in range(4)])
    torch.testing.assert_close(batched, looped)
    weights = torch.randn_like(looped)
    gradients = [torch.autograd.grad((o * weights).sum(), weight)[0] for o in (batched, looped)]
    torch.testing.assert_close(*gradients)


def test_vmap_of_grad_and_nested_vmap() -> None:
    ids, counts, weight, dense = example(members=(2, 3))

    def loss(ids: Tensor, counts: Tensor, weight: Tensor) -> Tensor:
        return sparse_linear(ids, counts, weight).pow(3).sum()

    grad = torch.vmap(torch.vmap(torch.func.grad(loss, argnums=2)))(ids, counts, weight.detach())
    expected = torch.autograd.grad((dense @ weight.mT).pow(3).sum(), weight)[0]
    torch.testing.assert_close(grad, expected)


def test_an_id_of_another_member_is_never_read() -> None:
    ids, counts, weight, _ = example(members=(2,))
    ids[0, 0, 0] = V
    with pytest.raises(IndexError, match="less than the 11 columns of weight, got 11"):
        torch.vmap(sparse_linear)(ids, counts, weight)


def test_a_gradient_of_counts_is_refused() -> None:
    ids, counts, weight, _ = example()
    output = sparse_linear(ids, counts.requires_grad_(), weight)
    with pytest.raises(NotImplementedError, match="counts require a gradient"):
        output.sum().backward()
