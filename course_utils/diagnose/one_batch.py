"""A few rows must be learned by heart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from course_utils.diagnose.constant import best_constant, lowest_loss
from course_utils.diagnose.held import untouched
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject

ROWS = 4  # so few that a linear model of 3 features can separate them
STEPS = 40
PATIENCE = 10  # steps; a loss that has not moved by then has no gradient
RATES = (1e-2, 1e-3, 1e-1)
LEFT = 0.3  # of what a constant answer costs above perfect ones: learned
NOTHING = 0.9


def check_one_batch(subject: Subject) -> Iterator[Finding]:
    """Adam on 4 rows, without dropout and weight decay, must come near perfect answers."""
    if not any(p.requires_grad for p in subject.model.parameters()):
        raise Skip("no parameter requires a gradient")
    subject.train, subject.shared = [few_rows(subject)], {}
    vars(subject).pop("targets", None)
    constant, floor = best_constant(subject), lowest_loss(subject, subject.train[0])
    room = constant - floor
    best = math.inf
    for lr in RATES:
        best = min(best, memorize(subject, lr, goal=floor + LEFT * room))
        if best <= floor + LEFT * room:
            return
    yield Finding(
        "one_batch",
        "warning" if best > floor + NOTHING * room else "note",
        f"{subject.rows(subject.train[0])} rows cannot be learned by heart: the loss stays at "
        f"{best:.3g}, a constant answer has {constant:.3g}",
        {"best": best, "best_constant": constant, "perfect": floor},
        advice="look for an activation after the last layer, dead or frozen layers, and detach",
    )


def few_rows(subject: Subject) -> Any:
    """Up to 4 rows of the first batch with different inputs, first those of different labels."""
    batch = subject.train[0]
    rows = subject.rows(batch)
    inputs = [t.reshape(rows, -1) for t in subject.inputs(batch).values() if len(t) == rows]
    labels = subject.target(batch).reshape(rows, -1)
    chosen: list[int] = []
    for new_label in (True, False):
        for i in range(rows):
            fresh = all(any(not torch.equal(x[i], x[j]) for x in inputs) for j in chosen)
            if new_label:
                fresh = fresh and all(not torch.equal(labels[i], labels[j]) for j in chosen)
            if len(chosen) < ROWS and i not in chosen and fresh:
                chosen.append(i)
    if len(torch.unique(labels[chosen], dim=0)) < 2:
        raise Skip("needs 2 rows with different inputs and labels in the first batch")
    return subject.take(batch, chosen)


def memorize(subject: Subject, lr: float, goal: float) -> float:
    """The lowest loss of the first batch on the way, or below the goal."""
    with untouched(*subject.everything()), torch.enable_grad():
        subject.seeded()
        subject.quiet()
        optimizer = torch.optim.Adam(
            [p for p in subject.model.parameters() if p.requires_grad], lr=lr
        )
        losses: list[float] = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = subject.loss(subject.train[0])
            losses.append(float(loss))
            still = len(losses) == PATIENCE and min(losses) > 0.999 * losses[0]
            if losses[-1] <= goal or still or not math.isfinite(losses[-1]):
                break
            torch.autograd.backward(loss)
            optimizer.step()
    return min(losses)
