"""A few rows must be learned by heart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from course_utils.diagnose.constant import best_constant, lowest_loss, minimize
from course_utils.diagnose.held import untouched
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import train_losses

POOL = 256
ROWS = 4  # or fewer: a linear model of d features fits d + 1 rows
STEPS = 40
PATIENCE = 10  # steps; a loss that has not moved by then has no gradient
RATE = 1e-2
LEFT = 0.3  # of what a constant answer costs above perfect ones: learned
NOTHING = 0.75


def check_one_batch(subject: Subject) -> Iterator[Finding]:
    """4 rows, without dropout and weight decay, must come near perfect answers."""
    if not any(p.requires_grad for p in subject.model.parameters()):
        raise Skip("no parameter requires a gradient")
    subject.train, subject.shared = [few_rows(subject)], {}
    vars(subject).pop("targets", None)
    constant, floor = best_constant(subject), lowest_loss(subject, subject.train[0])
    room = constant - floor
    start = float(train_losses(subject).mean())
    best = memorize(subject, goal=floor + LEFT * room)
    if best <= floor + LEFT * room:
        return
    far = subject.task == "numbers" and start > 3 * constant  # targets of another scale
    yield Finding(
        "one_batch",
        "warning" if best > floor + NOTHING * room and not far else "note",
        f"{subject.rows(subject.train[0])} rows cannot be learned by heart: the loss stays at "
        f"{best:.3g}, a constant answer has {constant:.3g}",
        {"best": best, "best_constant": constant, "perfect": floor},
        advice="look for an activation after the last layer, dead or frozen layers, and detach",
    )


def few_rows(subject: Subject) -> Any:
    """Up to 4 of the first rows with different inputs, preferably of different labels.

    No more than a linear model could fit: one above the number of features.
    """
    batch = subject.head(POOL)
    rows = subject.rows(batch)
    inputs = [t.reshape(rows, -1) for t in subject.inputs(batch).values() if len(t) == rows]
    labels = subject.target(batch).reshape(rows, -1)
    limit = min(ROWS, 1 + sum(x.shape[1] for x in inputs))
    chosen: list[int] = []
    for new_label in (True, False):
        for i in range(rows):
            if len(chosen) == limit:
                break
            fresh = all(any(not torch.equal(x[i], x[j]) for x in inputs) for j in chosen)
            if new_label:
                fresh = fresh and all(not torch.equal(labels[i], labels[j]) for j in chosen)
            if i not in chosen and fresh:
                chosen.append(i)
    if len(torch.unique(labels[chosen], dim=0)) < 2:
        raise Skip("needs 2 rows with different inputs and labels among the first")
    return subject.take(batch, chosen)


def memorize(subject: Subject, goal: float) -> float:
    """The lowest loss of the first batch on the way to the goal, by L-BFGS, or else by Adam."""
    lowest = math.inf
    for way in (_by_lbfgs, _by_adam):
        with untouched(*subject.everything()), torch.enable_grad():
            subject.seeded()
            subject.quiet()
            lowest = min(lowest, way(subject, goal))
        if lowest <= goal:
            break
    return lowest


def _by_lbfgs(subject: Subject, goal: float) -> float:
    parameters: list[Tensor] = [p for p in subject.model.parameters() if p.requires_grad]
    return minimize(lambda: subject.loss(subject.train[0]), parameters, STEPS // 4, goal)


def _by_adam(subject: Subject, goal: float) -> float:
    """Where L-BFGS stops early, as at a kink, small steps in any direction may go on."""
    optimizer = torch.optim.Adam(
        [p for p in subject.model.parameters() if p.requires_grad], lr=RATE
    )
    losses: list[float] = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = subject.loss(subject.train[0])
        losses.append(loss.item())
        still = len(losses) == PATIENCE and min(losses) > 0.999 * losses[0]
        if losses[-1] <= goal or still or not math.isfinite(losses[-1]):
            break
        torch.autograd.backward(loss)
        if any(p.grad is not None and p.grad.is_sparse for p in subject.model.parameters()):
            break  # Adam takes none
        optimizer.step()
    return min((value for value in losses if math.isfinite(value)), default=math.inf)
