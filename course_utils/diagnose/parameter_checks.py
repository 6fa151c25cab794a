"""Does every parameter get a gradient, and does the optimizer have it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Subject


def check_parameters(subject: Subject) -> Iterator[Finding]:
    """Parameters without gradient, unknown to the optimizer, or unknown to the model."""
    named = dict(subject.model.named_parameters())
    trainable = {name: p for name, p in named.items() if p.requires_grad}
    if not trainable:
        yield Finding(
            "parameters",
            "error",
            "no parameter requires a gradient" if named else "the model has no parameters",
            advice="register layers as attributes or in a ModuleList, and unfreeze some",
        )
        return
    frozen = [name for name in named if name not in trainable]
    if frozen:
        yield Finding(
            "parameters",
            "note",
            f"{len(frozen)} of {len(named)} parameters are frozen (requires_grad is False)",
            {"frozen": frozen},
            advice="check that these are the ones you meant",
        )
    used = _leaves(subject)
    if not used:
        yield Finding(
            "parameters",
            "error",
            "the loss has no gradient to any parameter",
            advice="look for argmax, .item(), .detach(), no_grad or a new tensor in the way",
        )
        return
    unused = [name for name, p in trainable.items() if id(p) not in used]
    if unused:
        yield Finding(
            "parameters",
            "warning",
            f"no gradient reaches {len(unused)} of {len(trainable)} parameters that ask for one",
            {"without_gradient": unused},
            advice="look for a layer that forward does not call, for .detach() and for no_grad",
        )
    yield from _ownership(subject, trainable, used)


def _ownership(
    subject: Subject, trainable: Mapping[str, Tensor], used: Mapping[int, Tensor]
) -> Iterator[Finding]:
    """Which tensors the graph, the model and the optimizer have in common."""
    of_model = {id(p) for p in subject.model.parameters()}
    of_loss = {id(p) for p in _parameters(subject.loss_fn)}
    optimizer = subject.optimizer
    held = {id(p) for g in optimizer.param_groups for p in g["params"]} if optimizer else set()
    hidden = [t for key, t in used.items() if key not in of_model | of_loss | held]
    if hidden:
        yield Finding(
            "parameters",
            "warning",
            f"{len(hidden)} tensors get a gradient but are no parameters of the model",
            {"shapes": [str(list(t.shape)) for t in hidden]},
            advice="keep layers in nn.ModuleList, not in a list, and tensors in nn.Parameter",
        )
    if optimizer is None:
        return
    left_out = [name for name, p in trainable.items() if id(p) not in held]
    foreign = held - of_model - of_loss - set(used)
    if left_out:
        every = len(left_out) == len(trainable)
        yield Finding(
            "parameters",
            "error" if every else "warning",
            f"{len(left_out)} of {len(trainable)} parameters that ask for a gradient are not in "
            "the optimizer",
            {"not_in_optimizer": left_out, "of_another_model": float(len(foreign))},
            advice="make the optimizer after the last change to the model, or freeze the rest",
        )
    elif foreign:
        yield Finding(
            "parameters",
            "note",
            f"the optimizer holds {len(foreign)} parameters that this loss does not depend on",
            {"number": float(len(foreign))},
            advice="check that they do not belong to an older model",
        )


def _parameters(thing: Any) -> list[Tensor]:
    return list(thing.parameters()) if isinstance(thing, nn.Module) else []


def _leaves(subject: Subject) -> dict[int, Tensor]:
    """Leaf tensors that autograd reaches from the loss of the first batch, by identity."""
    subject.seeded()
    subject.model.train()
    with torch.enable_grad():
        loss = subject.loss(subject.train[0])
    found: dict[int, Tensor] = {}
    seen: set[Any] = set()
    todo: list[Any] = [loss.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found[id(node.variable)] = node.variable
        todo += [following for following, _ in node.next_functions]
    return found
