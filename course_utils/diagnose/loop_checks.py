"""What the reader's own step does: which gradient the optimizer gets, and from which batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.diagnose.batches import Batch
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import main_run, run
from course_utils.unchanged import unchanged

CALLS = 8  # a step that accumulates gradients updates only each few calls


def check_zero_grad(subject: Subject) -> Iterator[Finding]:
    """The gradient at an update is that of its own batch, of all of it, and of nothing else."""
    if subject.own_step is None or subject.optimizer is None:
        raise Skip("needs step and optimizer")
    if len(subject.train) < 2:
        raise Skip("needs 2 batches")
    first, second = subject.train[:2]
    alone = _gradients(subject, [second])
    if alone is None:
        return  # `updates` reports that there is none
    wanted = _reference(subject, second)
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

    with unchanged(*subject.everything()):
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
    with unchanged(*subject.everything()), torch.enable_grad():
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
    if subject.build is None:
        first, second = (run(subject, steps=3).state for _ in range(2))
        what = "three steps from the same weights"
    else:
        first, second = (_built(subject) for _ in range(2))
        what = "building the model and three steps"
    different = [n for n in first if n not in second or not _equal(first[n], second[n])]
    if different:
        yield Finding(
            "reproducibility",
            "warning",
            f"{what}, twice with the same seed, give different weights",
            {"parameters": different},
            advice="seed every generator: random, numpy, torch, those of loaders; then see "
            "torch.use_deterministic_algorithms",
        )


def _built(subject: Subject) -> dict[str, Tensor]:
    """Weights of the model that `build` makes, after three usual steps."""
    import dataclasses
    import random

    import numpy as np

    assert subject.build is not None
    random.seed(subject.seed)
    np.random.seed(subject.seed)
    subject.seeded()
    model, optimizer = subject.build()
    model.to(next((p.device for p in subject.model.parameters()), torch.device("cpu")))
    other = dataclasses.replace(
        subject, model=model, optimizer=optimizer, own_step=None, own_forward=None, shared={}
    )
    seen = run(other, steps=3)
    return seen.state


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(torch.isclose(a, b, rtol=0, atol=0, equal_nan=True).all())


__all__ = ["check_reproducibility", "check_zero_grad", "main_run", "nn"]
