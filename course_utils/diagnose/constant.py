"""What answers cost that ignore the inputs, and what perfect ones cost."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.diagnose.batches import Batch
from course_utils.diagnose.reach import reach
from course_utils.diagnose.subject import Skip, Subject

SIZES = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0, 32.0)


def output_loss(subject: Subject, free: Tensor, batch: Batch) -> Tensor:
    """The loss of made-up numbers [N, ...] without limits, as the model's last layer shows them."""
    return subject.loss_fn(reach(subject).link(free, subject.class_dim), subject.target(batch))


def best_constant(subject: Subject) -> float:
    """The mean of `constant_losses`."""
    return float(constant_losses(subject).mean())


def constant_losses(subject: Subject) -> Tensor:
    """The loss of each train batch [B] when all rows get the one answer that is best for them.

    No network that is fed zeros does better. For cross-entropy it is the entropy of the class
    shares; for other losses L-BFGS finds it, from there or from mean and median. Made once.
    """
    return subject.memo("constant", lambda: _constant_losses(subject))


def _constant_losses(subject: Subject) -> Tensor:
    starts = _starts(subject)
    constants = [constant for start in starts for constant in (_descend(subject, start), start)]
    losses = [_losses(subject, constant) for constant in constants]
    finite = [x for x in losses if torch.isfinite(x).all()]
    if not finite:
        raise Skip("the loss of a constant answer is not finite")
    return min(finite, key=lambda x: float(x.mean()))


def _losses(subject: Subject, constant: Tensor) -> Tensor:
    with torch.no_grad():
        values = [
            float(output_loss(subject, constant.expand(subject.rows(b), *constant.shape), b))
            for b in subject.train
        ]
    return torch.tensor(values, dtype=torch.float64)


def _starts(subject: Subject) -> list[Tensor]:
    """Log of the class shares, log odds, or mean and median; of the shape of one row of outputs."""
    y, output = subject.targets, subject.output(subject.train[0])
    start = torch.zeros_like(output[0])
    if subject.task == "classes" and subject.class_dim is not None:
        size = output.shape[subject.class_dim]
        counts = torch.bincount(y[(y >= 0) & (y < size)].flatten(), minlength=size) + 1e-6
        view = [-1 if d == subject.class_dim - 1 else 1 for d in range(start.dim())]
        return [start + (counts / counts.sum()).log().to(start).view(view)]
    if not y.is_floating_point():
        return [start]
    centers = [part.to(start) for part in (y.mean(0), y.median(0).values)]
    same = centers[0].numel() == start.numel()
    mean, median = (c.reshape(start.shape) if same else start + c.mean() for c in centers)
    return [torch.logit(mean, eps=1e-4)] if subject.task == "binary" else [mean, median]


def _descend(subject: Subject, start: Tensor) -> Tensor:
    """The best constant near a start; the start itself where the gradient is zero."""
    constant = start.clone().requires_grad_()

    def loss() -> Tensor:
        rows = [constant.expand(subject.rows(b), *start.shape) for b in subject.train]
        losses = [output_loss(subject, z, b) for z, b in zip(rows, subject.train, strict=True)]
        return torch.stack(losses).mean()

    minimize(loss, [constant], steps=10)
    return constant.detach()


def minimize(
    loss: Callable[[], Tensor], parameters: list[Tensor], steps: int, goal: float = -math.inf
) -> float:
    """L-BFGS with a line search, which needs no learning rate; the lowest loss on the way.

    Ends where the gradient is zero, where the loss is not finite, and below the goal.
    """
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=1, line_search_fn="strong_wolfe", tolerance_grad=1e-4
    )
    seen: list[float] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        seen.append(value.item())
        return value

    with torch.enable_grad():
        for _ in range(steps):
            before = len(seen)
            optimizer.step(closure)  # type: ignore[no-untyped-call]
            finite = [value for value in seen if math.isfinite(value)]
            if len(seen) == before + 1 or not math.isfinite(seen[-1]) or min(finite) <= goal:
                break
    return min((value for value in seen if math.isfinite(value)), default=math.inf)


def uniform_loss(subject: Subject) -> float:
    """The mean loss of equal probabilities: log C for cross-entropy, log 2 for two classes."""
    zeros = [torch.zeros_like(subject.output(batch)) for batch in subject.train]
    losses = [output_loss(subject, z, b) for z, b in zip(zeros, subject.train, strict=True)]
    return float(torch.stack(losses).mean())


def answers(subject: Subject, y: Tensor, like: Tensor, size: float) -> Tensor:
    """Numbers that say what labels y say: `size` for the right class, 0 for others; +-size."""
    if subject.task == "binary":
        return (size * (2 * y - 1)).reshape(like.shape).to(like)
    dim, classes = subject.class_dim, like.shape[subject.class_dim or 1]
    assert dim is not None
    if int(y.max()) >= classes:
        raise Skip("labels are outside the classes")
    return size * F.one_hot(y.clamp(min=0), classes).movedim(-1, dim).to(like)


def lowest_loss(subject: Subject, batch: Batch) -> float:
    """The loss of the best outputs: 0 for cross-entropy, more with label smoothing."""
    y, like = subject.target(batch), subject.output(batch)
    if subject.task not in ("classes", "binary"):
        free = torch.zeros_like(like).requires_grad_()
        return minimize(lambda: output_loss(subject, free, batch), [free], steps=20)
    losses = [float(output_loss(subject, answers(subject, y, like, t), batch)) for t in SIZES]
    return min((loss for loss in losses if math.isfinite(loss)), default=0.0)
