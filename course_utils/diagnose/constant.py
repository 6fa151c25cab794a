"""What the best constant answer costs: a model must beat it to have used its inputs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_utils.diagnose.subject import Skip, Subject


def constant_losses(subject: Subject) -> Tensor:
    """The loss of each train batch [B] for the best constant output; found once.

    For cross-entropy the start, log of the class shares, is the optimum, and its mean loss is the
    entropy of the shares. For other losses, weighted ones among them, L-BFGS goes on from there.
    """
    if "constant" not in subject.shared:
        subject.shared["constant"] = _best_constant(subject)
    found: Tensor = subject.shared["constant"][1]
    return found


def constant_output(subject: Subject) -> Tensor:
    """The best constant output itself, of the shape of one row of outputs."""
    constant_losses(subject)
    found: Tensor = subject.shared["constant"][0]
    return found


def _best_constant(subject: Subject) -> tuple[Tensor, Tensor]:
    shape = subject.output(subject.train[0]).shape[1:]
    best: tuple[float, Tensor, Tensor] | None = None
    for start in _starts(subject, shape):
        found = _descend(subject, start)
        losses = constant_output_losses(subject, found)
        mean = float(losses.mean())
        if math.isfinite(mean) and (best is None or mean < best[0]):
            best = (mean, found, losses)
    if best is None:
        raise Skip("the loss of a constant output is not finite")
    return best[1], best[2]


def _starts(subject: Subject, shape: torch.Size) -> list[Tensor]:
    """Outputs to begin with: log of class shares, log odds, or the mean target."""
    y = subject.targets
    output = subject.output(subject.train[0])
    start = torch.zeros(shape, dtype=output.dtype, device=output.device)
    if subject.task == "classes" and subject.class_dim is not None:
        size = shape[subject.class_dim - 1]
        counts = torch.bincount(y[(y >= 0) & (y < size)].flatten(), minlength=size)
        shares = ((counts + 1e-3) / (counts + 1e-3).sum()).to(start)
        view = [size if d == subject.class_dim - 1 else 1 for d in range(len(shape))]
        return [start + shares.log().view(view), start + shares.view(view)]
    if not y.is_floating_point():
        return [start]
    mean = y.mean(0).to(start)
    mean = mean.reshape(shape) if mean.numel() == start.numel() else start + y.mean().to(start)
    if subject.task == "binary":
        return [torch.logit(mean, eps=1e-4), mean]
    return [mean]


def constant_output_losses(subject: Subject, constant: Tensor) -> Tensor:
    """Losses [B] of the train batches when the output is the same for every row."""
    values = []
    for batch in subject.train:
        rows = subject.rows(batch)
        try:
            loss = subject.loss_fn(constant.expand(rows, *constant.shape), subject.target(batch))
            values.append(float(loss))
        except Exception:  # an output that this loss does not allow
            values.append(math.nan)
    return torch.tensor(values, dtype=torch.float64)


def _descend(subject: Subject, start: Tensor) -> Tensor:
    """A few steps of L-BFGS; the start again if they fail."""
    constant = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([constant], max_iter=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        losses = [
            subject.loss_fn(
                constant.expand(subject.rows(batch), *start.shape), subject.target(batch)
            )
            for batch in subject.train
        ]
        total = torch.stack(losses).mean()
        torch.autograd.backward(total)
        return total

    try:
        with torch.enable_grad():
            optimizer.step(closure)  # type: ignore[arg-type]  # a Tensor will do
    except Exception:  # an output that this loss does not allow
        return start
    return constant.detach() if torch.isfinite(constant).all() else start
