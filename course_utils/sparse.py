"""A linear layer on vectors that are almost all zeros."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def sparse_linear(ids: Tensor, counts: Tensor, weight: Tensor) -> Tensor:
    """x W^T for vectors x [N, V] given by their non-zero entries: x[n, ids[n, l]] = counts[n, l].

    ids: long [N, L], each once in a row; counts: float [N, L], an entry of 0 is left out, whatever
    its id; weight: [H, V], as in `torch.nn.Linear`. Returns [N, H]. The time grows with the number
    of non-zero counts instead of N V. Under `torch.vmap` all members share one call.

        h[n] = sum over l of counts[n, l] W[:, ids[n, l]]

    Raises ValueError for ids and counts that are not of one shape [N, L], IndexError for an id of a
    non-zero count outside 0 ... V - 1, NotImplementedError in backward when counts require a
    gradient: their zeros were skipped.

    >>> sparse_linear(torch.tensor([[1, 3]]), torch.tensor([[2.0, 0.0]]), torch.eye(3))
    tensor([[0., 2., 0.]])
    """
    if ids.dim() != 2 or ids.shape != counts.shape:
        shapes = f"{tuple(ids.shape)} and {tuple(counts.shape)}"
        raise ValueError(f"ids and counts must have one shape [N, L], got {shapes}")
    one_member = ids[None], counts[None], weight.t()[None]
    return _call(_Gather, *one_member)[0]


def _call(function: Any, *tensors: Tensor) -> Tensor:
    """Apply an autograd function; `apply` has no types in PyTorch."""
    output: Tensor = function.apply(*tensors)
    return output


class _Members(torch.autograd.Function):
    """A function of tensors whose first dimension is that of members, also under vmap."""

    @classmethod
    def vmap(
        cls, info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor
    ) -> tuple[Tensor, int]:
        moved = (
            x.expand(info.batch_size, *x.shape) if dim is None else x.movedim(dim, 0)
            for x, dim in zip(tensors, in_dims, strict=True)
        )
        output = _call(cls, *(x.flatten(0, 1) for x in moved))
        members = len(output) // info.batch_size
        return output.view(info.batch_size, members, *output.shape[1:]), 0


class _Gather(_Members):
    """ids, counts [M, N, L], rows [M, V, H] -> h [M, N, H], sums of rows."""

    @staticmethod
    def forward(ids: Tensor, counts: Tensor, rows: Tensor) -> Tensor:
        token, value, lengths = _entries(ids, counts, rows.shape[1], check=True)
        starts = lengths.cumsum(0) - lengths
        h = F.embedding_bag(token, rows.flatten(0, 1), starts, mode="sum", per_sample_weights=value)
        return h.view(*ids.shape[:2], rows.shape[2])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, Tensor]:
        if ctx.needs_input_grad[1]:
            raise NotImplementedError("counts require a gradient, which is not computed")
        ids, counts, rows = ctx.saved_tensors
        return None, None, _call(_Scatter, ids, counts, grad, rows[:, :, :0])


class _Scatter(_Members):
    """The transpose of `_Gather`: gradients [M, N, H] -> [M, V, H]; `like` [M, V, 0] gives V."""

    @staticmethod
    def forward(ids: Tensor, counts: Tensor, grad: Tensor, like: Tensor) -> Tensor:
        members, size = like.shape[:2]
        token, value, lengths = _entries(ids, counts, size)
        text = torch.arange(len(lengths), device=ids.device).repeat_interleave(lengths)
        rows = grad.new_zeros(members * size, grad.shape[2])
        rows.index_add_(0, token, value[:, None] * grad.flatten(0, 1).index_select(0, text))
        return rows.view(members, size, grad.shape[2])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, None, Tensor, None]:
        ids, counts = ctx.saved_tensors
        return None, None, _call(_Gather, ids, counts, grad), None


def _entries(
    ids: Tensor, counts: Tensor, size: int, check: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Non-zero entries: token (id j of member m is m size + j), count; how many each text has."""
    used = counts != 0
    place = used.flatten().nonzero().squeeze(1)
    token = ids.flatten().index_select(0, place)
    if check and len(token):
        # Without this an id such as -1 of one member would read a row of the member before.
        low, high = (int(end) for end in token.aminmax())
        if low < 0 or high >= size:
            wrong = low if low < 0 else high
            raise IndexError(f"ids must lie in 0 ... {size - 1} as columns of weight, got {wrong}")
    member = place // ids[0].numel()
    value = counts.flatten().index_select(0, place)
    return token + size * member, value, used.sum(-1).flatten()
