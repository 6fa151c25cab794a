"""What the reader's own step does: which gradient the optimizer gets, and from which batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.diagnose.batches import Batch
from course_utils.diagnose.held import untouched
from course_utils.diagnose.learning import finished
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import Change, default_optimizer, tensors, training

CALLS = 8  # a step that accumulates gradients updates only each few calls


def check_zero_grad(subject: Subject) -> Iterator[Finding]:
    """The gradient at an update is that of its own batch, of all of it, and of nothing else."""
    if subject.own_step is None or subject.optimizer is None:
        raise Skip("needs step and optimizer")
    if len(subject.train) < 2:
        raise Skip("needs 2 batches")
    finished(subject)
    first, second = subject.train[:2]
    alone, wanted = _gradients(subject, [second]), _reference(subject, second)
    if alone is None or not wanted:
        return  # `updates` and `parameters` say so
    if not all(torch.isfinite(g).all() for g in wanted.values()):
        raise Skip("gradients are not finite")
    missing = [name for name in wanted if alone.get(name) is None]
    if missing and len(missing) == len(wanted):
        yield Finding(
            "zero_grad",
            "error",
            "optimizer.step() finds no gradient at all",
            advice="the order is zero_grad, forward, backward, step; the loss must keep its graph",
        )
        return
    yield from _accumulates(subject, first, second, alone)
    yield from _same_batch(subject, first, second, alone, wanted)
    if missing:
        yield Finding(
            "zero_grad",
            "warning",
            f"{len(missing)} parameters get a gradient from loss_fn, but none in your step",
            {"parameters": missing},
            advice="look for no_grad, detach and requires_grad in the step",
        )


def _accumulates(
    subject: Subject, first: Batch, second: Batch, alone: dict[str, Tensor]
) -> Iterator[Finding]:
    """After another batch, the gradient of a batch must not hold a multiple of that one's."""
    earlier = _gradients(subject, [first])
    both = _gradients(subject, [first, second])
    if earlier is None or both is None:
        return
    a, b, c = (_flat(g, alone) for g in (earlier, alone, both))
    if not torch.isfinite(a + b + c).all():
        return
    weights = torch.linalg.lstsq(torch.stack([a, b], 1), c[:, None]).solution.flatten()
    rest = float((c - weights[0] * a - weights[1] * b).norm() / c.norm().clamp(min=1e-300))
    cosine = float(a @ b / (a.norm() * b.norm()).clamp(min=1e-300))
    if float(weights[0]) > 0.1 and rest < 0.02 and abs(cosine) < 0.999:
        yield Finding(
            "zero_grad",
            "error",
            f"the gradient of a batch holds {float(weights[0]):.2g} times that of the batch before",
            {"share_of_the_batch_before": float(weights[0])},
            advice="call optimizer.zero_grad() before backward()",
        )


def _same_batch(
    subject: Subject,
    first: Batch,
    second: Batch,
    alone: dict[str, Tensor],
    wanted: dict[str, Tensor],
) -> Iterator[Finding]:
    """The gradient must change with the batch, and not point away from that of the loss."""
    earlier = _gradients(subject, [first])
    if earlier is None:
        return
    a, b, w = (_flat(g, wanted) for g in (earlier, alone, wanted))
    if torch.equal(a, b) and bool(b.any()):
        yield Finding(
            "zero_grad",
            "error",
            "two different batches give the same gradient: the step does not use its batch",
            advice="pass the batch of the loop to the model, not one that was kept",
        )
        return
    cosine = float(b @ w / (b.norm() * w.norm()).clamp(min=1e-300))
    if cosine < -0.5:
        yield Finding(
            "zero_grad",
            "error",
            "the gradient in your step points away from that of loss_fn",
            {"cosine": cosine},
            advice="check the sign of the loss in the step",
        )


def _gradients(subject: Subject, batches: Sequence[Batch]) -> dict[str, Tensor] | None:
    """Gradients at the update for the last of the batches; the weights stay as they are."""
    taken: list[dict[str, Tensor]] = []
    optimizer, step = subject.optimizer, subject.own_step
    assert optimizer is not None
    assert step is not None

    def update(closure: Any = None) -> None:
        if closure is not None:
            with torch.enable_grad():
                closure()
        named = subject.model.named_parameters()
        taken.append({n: p.grad.detach().clone() for n, p in named if p.grad is not None})

    with untouched(*subject.everything()):
        optimizer.zero_grad()
        optimizer.step = update  # type: ignore[method-assign, assignment]
        for batch in batches:
            before = len(taken)
            for _ in range(CALLS):
                subject.seeded()
                subject.model.train()
                step(subject.model, batch, optimizer)
                if len(taken) > before:
                    break
    return taken[-1] if taken else None


def _reference(subject: Subject, batch: Batch) -> dict[str, Tensor]:
    """Gradients of loss_fn, one by one."""
    with untouched(*subject.everything()), torch.enable_grad():
        subject.seeded()
        subject.model.train()
        torch.autograd.backward(subject.loss(batch))
        named = subject.model.named_parameters()
        return {n: p.grad.detach().clone() for n, p in named if p.grad is not None}


def _flat(gradients: dict[str, Tensor], names: dict[str, Tensor]) -> Tensor:
    parts = [gradients.get(n, torch.zeros_like(like)).flatten() for n, like in names.items()]
    return torch.cat(parts).double()


def check_reproducibility(subject: Subject) -> Iterator[Finding]:
    """Two runs with the same seed must end with the same weights, bit for bit."""
    what = "three steps" if subject.build is None else "the model and three steps"
    first, second = _weights(subject), _weights(subject)
    different = [name for name in first if not _equal(first[name], second.get(name))]
    if different:
        yield Finding(
            "reproducibility",
            "warning",
            f"{what}, made twice with the same seed, give different weights",
            {"parameters": different},
            advice="seed every generator: random, numpy, torch, those of loaders; then see "
            "torch.use_deterministic_algorithms",
        )


def _weights(subject: Subject) -> dict[str, Tensor]:
    """Weights after three steps: usual ones of what `build` makes, or the reader's own."""
    with untouched(*subject.everything(), subject.build):
        subject.seeded()
        if subject.build is not None:
            device = next((p.device for p in subject.model.parameters()), torch.device("cpu"))
            model, optimizer = subject.build()
            subject = dataclasses.replace(
                subject, model=model.to(device), optimizer=optimizer, own_step=None
            )
        optimizer = subject.optimizer or default_optimizer(subject.model)
        for _ in training(subject, optimizer, Change(steps=3)):
            pass
        return {n: t.detach().clone() for n, t in tensors(subject.model).items()}


def _equal(a: Tensor, b: Tensor | None) -> bool:
    if b is None or a.shape != b.shape:
        return False
    return bool(torch.isclose(a, b, rtol=0, atol=0, equal_nan=True).all())
