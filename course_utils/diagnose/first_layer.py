"""What reaches the first layer with weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from course_utils.diagnose.layers import dropout_rate, has_running_stats
from course_utils.diagnose.subject import Subject
from course_utils.unchanged import unchanged


@torch.no_grad()
def first_layer_input(subject: Subject) -> tuple[str, Tensor | None]:
    """Name of the first layer with weights of its own, and its inputs [rows, ...] in train data.

    None if there is no such layer, if it is a norm, which does the scaling, or looks up integers.
    """
    seen: list[tuple[str, Any]] = []
    names = {module: name for name, module in subject.model.named_modules()}

    def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
        if not seen:
            seen.append((names[module], None if _is_norm(module) else args[0] if args else None))

    leaves = [m for m in names if any(p is not None for p in m._parameters.values())]
    with unchanged(subject.model):
        subject.model.eval()
        handles = [module.register_forward_pre_hook(hook) for module in leaves]
        try:
            subject.forward(subject.train[0])
        finally:
            for handle in handles:
                handle.remove()
    if not seen:
        return "", None
    name, x = seen[0]
    ok = isinstance(x, Tensor) and x.is_floating_point() and x.dim() > 1
    return name or "the model", x if ok else None


def _is_norm(module: nn.Module) -> bool:
    norms = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)
    return isinstance(module, norms) or has_running_stats(module)


@torch.no_grad()
def dropout_places(subject: Subject) -> tuple[list[str], list[str]]:
    """Dropout layers, by name and rate, that are called before the first weights, and after."""
    before: list[str] = []
    after: list[str] = []
    weights_seen = False
    names = {module: name for name, module in subject.model.named_modules()}

    def hook(module: nn.Module, _: Any) -> None:
        nonlocal weights_seen
        if dropout_rate(module):
            text = f"{names[module]}, p = {dropout_rate(module):g}"
            (after if weights_seen else before).append(text)
        weights_seen |= any(p is not None for p in module._parameters.values())

    with unchanged(subject.model):
        subject.model.eval()
        handles = [module.register_forward_pre_hook(hook) for module in names]
        try:
            subject.forward(subject.train[0])
        finally:
            for handle in handles:
                handle.remove()
    return before, after
