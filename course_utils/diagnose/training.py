"""A short training run with the reader's own step and optimizer, watched from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_utils.diagnose.batches import Batch
from course_utils.diagnose.held import untouched
from course_utils.diagnose.layers import dropout_rate
from course_utils.diagnose.subject import Subject
from course_utils.diagnose.watching import Watcher
from course_utils.unchanged import unchanged


@dataclass
class Run:
    """What happened: losses of the train batches before and after [B], in train mode.

    `losses`: of the steps. `seen`: gradients and updates. `rates`: the largest learning rate at the
    start and at the end. `moved`: |new - old| / |old| by parameter. `state`: tensors at the end.
    `error`: what the script raised, if it did.
    """

    before: Tensor
    after: Tensor
    losses: list[float]
    seen: Watcher
    rates: tuple[float, float]
    moved: dict[str, float]
    state: dict[str, Tensor]
    error: str = ""


@dataclass(frozen=True)
class Change:
    """What to do otherwise in a run, to see whether it is what holds training back.

    `lr` multiplies the rates; without `decay` and `dropout` they are off; `plain` takes the usual
    step for the reader's own; `steps` instead of those of the subject.
    """

    lr: float = 1.0
    decay: bool = True
    dropout: bool = True
    plain: bool = False
    steps: int | None = None


AS_IT_IS = Change()


def run(subject: Subject, change: Change = AS_IT_IS) -> Run:
    """Train for some steps, undo it, and return what was seen; made once for each change."""
    return subject.memo(change, lambda: _run(subject, change))


def _run(subject: Subject, change: Change) -> Run:
    with untouched(*subject.everything()):
        optimizer = subject.optimizer or default_optimizer(subject.model)
        _apply(change, subject.model, optimizer)
        before, first = train_losses(subject), _rate(optimizer)
        start = {name: p.detach().clone() for name, p in subject.model.named_parameters()}
        losses, error = [], ""
        watcher = Watcher(subject.model)
        try:
            with watcher.watch(optimizer):
                for loss in training(subject, optimizer, change):
                    losses.append(loss)
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"
        return Run(
            before,
            after=before if error else train_losses(subject),
            losses=losses,
            seen=watcher,
            rates=(first, _rate(optimizer)),
            moved=_moved(subject.model, start),
            state={name: t.detach().clone() for name, t in tensors(subject.model).items()},
            error=error,
        )


def training(subject: Subject, optimizer: Optimizer, change: Change) -> Iterator[float]:
    """Train, and yield the loss of each step."""
    subject.seeded()
    subject.model.train()
    for i in range(subject.steps if change.steps is None else change.steps):
        batch = subject.train[i % len(subject.train)]
        if subject.own_step is None or change.plain:
            loss: Any = plain_step(subject, batch, optimizer)
        else:
            loss = subject.own_step(subject.model, batch, optimizer)
        yield float("nan") if loss is None else float(loss)


def plain_step(subject: Subject, batch: Batch, optimizer: Optimizer) -> Tensor:
    """zero_grad, forward, backward, step; in a closure for the optimizer that wants one."""

    def loss_with_gradient() -> Tensor:
        optimizer.zero_grad()
        loss = subject.loss(batch)
        torch.autograd.backward(loss)
        return loss.detach()

    if isinstance(optimizer, torch.optim.LBFGS):
        return torch.as_tensor(optimizer.step(loss_with_gradient))  # type: ignore[no-untyped-call]
    loss = loss_with_gradient()
    optimizer.step()
    return loss


def _apply(change: Change, model: nn.Module, optimizer: Optimizer) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * change.lr
        if not change.decay and "weight_decay" in group:
            group["weight_decay"] = 0.0
    modules: list[Any] = list(model.modules())
    for module in modules:
        if dropout_rate(module) and not change.dropout:
            module.p = torch.zeros_like(module.p) if isinstance(module.p, Tensor) else 0.0


def _rate(optimizer: Optimizer) -> float:
    return max(float(group["lr"]) for group in optimizer.param_groups)


@torch.no_grad()
def _moved(model: nn.Module, start: dict[str, Tensor]) -> dict[str, float]:
    """|new - old| / |old| of each parameter; |new| where it started at zero."""
    moved = {}
    for name, p in model.named_parameters():
        size = float(start[name].norm())
        moved[name] = float((p - start[name]).norm()) / (size or 1.0)
    return moved


def train_losses(subject: Subject) -> Tensor:
    """Losses of the train batches [B] in train mode; running statistics stay as they are."""
    with unchanged(subject.model):
        subject.seeded()
        subject.model.train()
        return subject.losses(subject.train)


def default_optimizer(model: nn.Module) -> Optimizer:
    """Adam with its usual rate, where the reader gave no optimizer."""
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad] or [torch.zeros(1)])


def tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers of a model by name."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@contextmanager
def trained(subject: Subject) -> Iterator[None]:
    """The model as it is after the run, until the block is left."""
    state = run(subject).state
    with untouched(*subject.everything()):
        with torch.no_grad():
            for name, tensor in tensors(subject.model).items():
                if name in state and state[name].shape == tensor.shape:
                    tensor.copy_(state[name])
        yield
