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


@pytest.mark.parametrize(("member", "wrong"), [(0, V), (1, -1)], ids=["next", "previous"])
def test_an_id_of_another_member_is_never_read(member: int, wrong: int) -> None:
    ids, counts, weight, _ = example(members=(2,))
    ids[member, 0, 0] = wrong
    message = rf"ids must lie in 0 \.\.\. 10 as columns of weight, got {wrong}"
    with pytest.raises(IndexError, match=message):
        torch.vmap(sparse_linear)(ids, counts, weight)
    with pytest.raises(IndexError, match=message):
        sparse_linear(ids[member], counts[member], weight[member])


@pytest.mark.parametrize("wrong", [-1, V], ids=str)
def test_the_id_of_a_zero_count_is_free(wrong: int) -> None:
    ids, counts, weight, dense = example()
    free = ids.masked_fill(counts == 0, wrong)
    torch.testing.assert_close(sparse_linear(free, counts, weight), dense @ weight.t())


@pytest.mark.parametrize(
    ("ids_shape", "counts_shape"),
    [((2, 3), (3, 2)), ((2, 3), (2, 4)), ((2,), (2,)), ((2, 3), (3,)), ((1, 2, 3), (1, 2, 3))],
    ids=str,
)
def test_ids_and_counts_have_one_shape(
    ids_shape: tuple[int, ...], counts_shape: tuple[int, ...]
) -> None:
    ids, counts = torch.zeros(ids_shape, dtype=torch.long), torch.ones(counts_shape)
    with pytest.raises(ValueError, match=r"must have one shape \[N, L\], got \(.* and \("):
        sparse_linear(ids, counts, torch.ones(H, V))


@pytest.mark.parametrize(("texts", "length"), [(0, 4), (4, 0), (0, 0)])
def test_no_texts_and_no_words_as_in_a_linear_layer(texts: int, length: int) -> None:
    ids, counts = torch.zeros(texts, length, dtype=torch.long), torch.ones(texts, length)
    weights = torch.ones(2, H, V, requires_grad=True)
    one = sparse_linear(ids, counts, weights[0])
    both = torch.vmap(sparse_linear, in_dims=(None, None, 0))(ids, counts, weights)
    assert torch.equal(one, torch.zeros(texts, H))
    assert torch.equal(both, torch.zeros(2, texts, H))
    (gradient,) = torch.autograd.grad(one.sum() + both.sum(), weights)
    assert torch.equal(gradient, torch.zeros(2, H, V))


def test_a_gradient_of_counts_is_refused() -> None:
    ids, counts, weight, _ = example()
    output = sparse_linear(ids, counts.requires_grad_(), weight)
    with pytest.raises(NotImplementedError, match="counts require a gradient"):
        output.sum().backward()
