"""How one layer acts on a stack of members: a rule for any layer, faster ones for common layers.

A rule maps (module, state, x) to the outputs [M, B, ...]: x [M, B, ...] are the inputs of M
members, state their parameters and buffers [M, *shape] under the module's own names, and the module
says the rest (its mode, its settings).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from course_utils.nn.activations import Activation
from course_utils.nn.dropout import MultiplicativeNoise

Rule = Callable[..., Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


def by_vmap(module: nn.Module, state: dict[str, Tensor], *x: Tensor) -> Tensor:
    """Apply any module; buffers that it re-assigns are replaced in ``state``."""

    def member(state: dict[str, Tensor], x: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        after = dict(state)
        with PaddedEmbedding():
            output: Tensor = torch.func.functional_call(module, after, x, tie_weights=False)
        return output, {name: after[name] for name in state if after[name] is not state[name]}

    dims = {name: 0 if tensor.dim() else None for name, tensor in state.items()}
    try:
        batched = torch.vmap(member, in_dims=(dims, 0), randomness="different")
        output, moved = batched(state, x)
    except RuntimeError as error:
        raise RuntimeError(
            f"{type(module).__name__} runs alone but torch.vmap cannot batch it: values decide "
            f"what it does (.item(), `if tensor:`) or an operation has no batching rule. {error}"
        ) from error
    state.update(moved)
    return output


class PaddedEmbedding(TorchFunctionMode):
    """Keeps the padding row of an embedding without gradient, which torch.vmap forgets."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call func; cut the gradient of embeddings at padding."""
        output = func(*args, **(kwargs or {}))
        if func is not F.embedding:
            return output
        given = inspect.signature(F.embedding).bind(*args, **(kwargs or {})).arguments
        padding, weight = given.get("padding_idx"), given["weight"]
        if padding is None:
            return output
        is_padding = given["input"] == padding % len(weight)
        return torch.where(is_padding.unsqueeze(-1), output.detach(), output)


def linear(module: nn.Linear, state: dict[str, Tensor], x: Tensor) -> Tensor:
    """Apply M linear layers: one batched matrix product."""
    rows = x.flatten(1, -2) if x.dim() > 3 else x
    weight = state["weight"].mT
    if "bias" in state:
        product = torch.baddbmm(state["bias"].unsqueeze(1), rows, weight)
    else:
        product = torch.bmm(rows, weight)
    return product.view(*x.shape[:-1], module.out_features)


def batch_norm(module: nn.BatchNorm1d, state: dict[str, Tensor], x: Tensor) -> Tensor:
    """Apply M batch normalizations as one, of M*C channels: x is [M, B, C, ...]."""
    flat = {name: state[name].view(-1) for name in state if state[name].dim() > 1}
    factor = module.momentum
    if module.training and "num_batches_tracked" in state:
        count = state["num_batches_tracked"].add_(1)
        factor = 1 / float(count) if factor is None else factor
    normalized = F.batch_norm(
        x.transpose(0, 1).flatten(1, 2),
        flat.get("running_mean"),
        flat.get("running_var"),
        flat.get("weight"),
        flat.get("bias"),
        module.training or "running_mean" not in flat,
        factor or 0.0,
        module.eps,
    )
    members, batch = x.shape[:2]
    return normalized.view(batch, members, *x.shape[2:]).transpose(0, 1)


def dropout(module: nn.Dropout, state: dict[str, Tensor], x: Tensor) -> Tensor:
    """Apply inverted dropout, its mask cut from uniform numbers: 1 where u + (1 - p) reaches 1.

    The distribution of `torch.nn.Dropout`, whose Bernoulli numbers cost three times as much and
    took a third of a step of a small network.
    """
    if not module.training or not 1e-3 < module.p < 1:
        return elementwise(module, state, x)  # near p = 0 rounding of u + (1 - p) would show
    keep = 1 - module.p
    mask = torch.rand_like(x, dtype=torch.float32).add_(keep).floor_().to(x.dtype)
    return x * mask.div_(keep)


def elementwise(module: nn.Module, state: dict[str, Tensor], x: Tensor) -> Tensor:
    """Apply a module that treats every number alike, or draws noise for every number."""
    output: Tensor = module(x)
    return output


RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: linear,
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
    nn.Dropout: dropout,
    **dict.fromkeys((nn.Identity, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU), elementwise),
    **dict.fromkeys((nn.LeakyReLU, nn.ELU, nn.Softplus), elementwise),
    **dict.fromkeys(Activation.__subclasses__(), elementwise),
    **dict.fromkeys(MultiplicativeNoise.__subclasses__(), elementwise),
}


def rule_for(module: nn.Module) -> Rule:
    """Return the fastest rule that is right for a module."""
    return by_vmap if hooked(module) else RULES.get(type(module), by_vmap)


def hooked(module: nn.Module) -> bool:
    """Return whether calling the module does more than the forward pass of its class."""
    return bool(module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return `F.cross_entropy` of every member [M]: logits [M, B, C, ...], targets [M, B, ...]."""
    soft = targets.is_floating_point()  # probabilities of the classes
    if logits.dim() == 3 and logits.shape[2] < 8:  # vectorized over examples, not over classes
        z, y = logits.mT, targets.mT if soft else targets
    else:
        z, y = logits.flatten(0, 1), targets.flatten(0, 1)
    each = F.cross_entropy(z, y, reduction="none").reshape(len(logits), -1)
    if soft:  # no target is left out
        return each.mean(1)
    return each.sum(1) / (targets != -100).flatten(1).sum(1)  # the default ignore_index


def member_losses(losses: Sequence[Loss], logits: Tensor, targets: Tensor) -> Tensor:
    """Return the loss [M] of every member, each setting's members by its own function."""
    groups = [losses[0]] if len(set(losses)) == 1 else losses
    parts = zip(groups, logits.chunk(len(groups)), targets.chunk(len(groups)), strict=True)
    found = torch.cat(
        [
            cross_entropy(z, y)
            if loss is F.cross_entropy
            else torch.vmap(loss, randomness="different")(z, y)
            for loss, z, y in parts
        ]
    )
    if found.dim() != 1:
        raise ValueError(
            f"loss must return a scalar, got shape {tuple(found.shape[1:])} (reduction='mean'?)"
        )
    return found
