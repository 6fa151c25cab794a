"""A short training run with the reader's own step and optimizer, watched from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from scipy.special import stdtr
from torch import Tensor, nn
from torch.optim import Optimizer

from course_utils.diagnose.batches import Batch
from course_utils.diagnose.subject import Subject
from course_utils.unchanged import unchanged

WATCHED = 4  # updates that are compared with their gradients


@dataclass
class Run:
    """What happened in a run: losses of batches before and after [B], those of the steps [T]."""

    before: Tensor
    after: Tensor = field(default_factory=lambda: torch.empty(0))
    losses: list[float] = field(default_factory=list)
    gradients: dict[str, float] = field(default_factory=dict)  # sum over updates of the norms
    slopes: list[float] = field(default_factory=list)  # g . (new weights - old), first updates
    moved: dict[str, float] = field(default_factory=dict)  # |new - old| / |old|, whole run
    updates: int = 0
    in_eval: int = 0  # forward passes for a gradient with the model in evaluation mode
    lrs: tuple[list[float], list[float]] = ((0.0,), (0.0,))  # type: ignore[assignment]
    state: dict[str, Tensor] = field(default_factory=dict)
    error: str = ""

    def fell(self) -> float:
        """One-sided p-value of "the losses of the same batches did not fall"."""
        return paired_p(self.before - self.after)


def paired_p(gains: Tensor) -> float:
    """One-sided p-value of "the mean is not above zero", by Student's t; of one value, its sign."""
    if not torch.isfinite(gains).all():
        return 1.0
    n, mean = len(gains), float(gains.mean())
    if n < 2 or float(gains.std()) == 0:
        return 0.0 if mean > 0 else 1.0
    return float(stdtr(n - 1, -mean / (float(gains.std()) / n**0.5)))


def plain_step(subject: Subject, batch: Batch, optimizer: Optimizer) -> Tensor:
    """zero_grad, forward, backward, step; a closure for the optimizers that want one."""

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = subject.loss(batch)
        torch.autograd.backward(value)
        return value.detach()

    if isinstance(optimizer, torch.optim.LBFGS):
        return torch.as_tensor(optimizer.step(loss))  # type: ignore[arg-type]  # a Tensor will do
    value = loss()
    optimizer.step()
    return value


def main_run(subject: Subject) -> Run:
    """The run of the script as it is; made once."""
    if "run" not in subject.shared:
        subject.shared["run"] = run(subject)
    found: Run = subject.shared["run"]
    return found


def run(
    subject: Subject,
    *,
    lr_factor: float = 1.0,
    decay: bool = True,
    dropout: bool = True,
    plain: bool = False,
    steps: int | None = None,
) -> Run:
    """Train for some steps, undo it, and return what was seen; errors of the script, too.

    ``lr_factor`` multiplies the rates; without ``decay`` and ``dropout`` they are off; ``plain``
    takes the usual step for the reader's own.
    """
    with unchanged(*subject.everything()):
        optimizer = subject.optimizer or default_optimizer(subject.model)
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * lr_factor
            if not decay and "weight_decay" in group:
                group["weight_decay"] = 0.0
        if not dropout:
            switch_off_dropout(subject.model)
        seen = Run(before=train_losses(subject))
        start = {name: p.detach().clone() for name, p in subject.model.named_parameters()}
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        try:
            with watched(subject, optimizer, seen):
                _train(subject, optimizer, seen, plain, subject.steps if steps is None else steps)
        except Exception as error:
            seen.error = f"{type(error).__name__}: {error}"
        seen.lrs = (rates, [float(group["lr"]) for group in optimizer.param_groups])
        for name, p in subject.model.named_parameters():
            size = float(start[name].norm())
            seen.moved[name] = float((p.detach() - start[name]).norm()) / (size or 1.0)
        seen.state = {k: v.detach().clone() for k, v in tensors(subject.model).items()}
        seen.after = train_losses(subject)
    return seen


def tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers of a model by name."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@contextmanager
def trained(subject: Subject) -> Iterator[Run]:
    """The model as it is after the main run, until the block is left."""
    seen = main_run(subject)
    with unchanged(*subject.everything()):
        if seen.error:
            raise RuntimeError(seen.error)
        load(subject.model, seen.state)
        yield seen


@torch.no_grad()
def load(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Copy tensors into the model; those that are new since then are left alone."""
    for name, tensor in tensors(model).items():
        if name in state and state[name].shape == tensor.shape:
            tensor.copy_(state[name])


def default_optimizer(model: nn.Module) -> Optimizer:
    """Adam with its usual rate, where the reader gave no optimizer."""
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad] or [torch.zeros(1)])


def switch_off_dropout(model: nn.Module) -> None:
    """Set the rates of all dropout layers to zero."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0


def train_losses(subject: Subject, batches: Sequence[Batch] | None = None) -> Tensor:
    """Losses of the train batches [B] in train mode; running statistics stay as they are."""
    with unchanged(subject.model):
        subject.seeded()
        subject.model.train()
        return subject.losses(subject.train if batches is None else batches)


def _train(subject: Subject, optimizer: Optimizer, seen: Run, plain: bool, steps: int) -> None:
    subject.seeded()
    subject.model.train()
    for i in range(steps):
        batch = subject.train[i % len(subject.train)]
        if subject.own_step is None or plain:
            loss: Any = plain_step(subject, batch, optimizer)
        else:
            loss = subject.own_step(subject.model, batch, optimizer)
        seen.losses.append(float("nan") if loss is None else float(loss))


@contextmanager
def watched(subject: Subject, optimizer: Optimizer, seen: Run) -> Iterator[None]:
    """Note gradients at each update, and whether forward passes are made in evaluation mode."""
    named = [(n, p) for n, p in subject.model.named_parameters() if p.requires_grad]
    before: list[tuple[Tensor, Tensor, Tensor]] = []

    def at_update(*_: Any) -> None:
        seen.updates += 1
        live = [(n, p, p.grad) for n, p in named if p.grad is not None and not p.grad.is_sparse]
        norms = torch._foreach_norm([g for _, _, g in live]) if live else []
        for (name, _, _), norm in zip(live, norms, strict=True):
            seen.gradients[name] = seen.gradients.get(name, 0.0) + float(norm)
        if seen.updates <= WATCHED:
            before[:] = [(p, p.detach().clone(), g.clone()) for _, p, g in live]

    def after_update(*_: Any) -> None:
        if seen.updates <= WATCHED:
            slope = sum(float(((p.detach() - old) * g).sum()) for p, old, g in before)
            seen.slopes.append(slope)

    def at_forward(model: nn.Module, _: Any) -> None:
        seen.in_eval += torch.is_grad_enabled() and not model.training

    handles = [
        optimizer.register_step_pre_hook(at_update),
        optimizer.register_step_post_hook(after_update),
        subject.model.register_forward_pre_hook(at_forward),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


alternatives = {
    "a rate 100 times smaller": partial(run, lr_factor=1e-2),
    "a rate 10 000 times smaller": partial(run, lr_factor=1e-4),
    "a rate 100 times larger": partial(run, lr_factor=1e2),
    "a rate 10 000 times larger": partial(run, lr_factor=1e4),
    "no weight decay": partial(run, decay=False),
    "no dropout": partial(run, dropout=False),
    "the usual step": partial(run, plain=True),
}
