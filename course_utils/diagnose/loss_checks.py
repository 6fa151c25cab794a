"""Checks of the loss: its value at the start, its sign, and what it compares."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from course_utils.diagnose.constant import constant_losses
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject


def check_initial_loss(subject: Subject) -> Iterator[Finding]:
    """The loss at the start against that of an answer which ignores the inputs."""
    subject.seeded()
    subject.model.train()
    losses = subject.losses(subject.train)
    start = float(losses.mean())
    if not math.isfinite(start):
        yield Finding(
            "initial_loss",
            "error",
            f"the loss is {start} before the first step",
            {"loss": start},
            advice="look for log(0), a division by 0, or inputs that are not finite",
        )
        return
    best = float(constant_losses(subject).mean())
    scale = _scale(subject)
    evidence = {"loss": start, "loss_of_the_best_constant": best}
    if subject.task in ("classes", "binary"):
        uniform = float(_uniform_losses(subject).mean())
        excess = (start - uniform) / scale
        evidence["loss_of_equal_probabilities"] = uniform
        if excess > 3:
            spread = math.sqrt(2 * excess)
            yield Finding(
                "initial_loss",
                "warning",
                f"the loss starts at {start:.3g}; equal probabilities give {uniform:.3g}",
                evidence | {"spread_of_logits": spread},
                advice="normalize the inputs, draw the last layer's weights smaller",
            )
        elif excess > 0.7 or 0 < best < 0.7 * min(start, uniform):
            yield Finding(
                "initial_loss",
                "note",
                f"the loss starts at {start:.3g}; the shares of the classes alone give {best:.3g}",
                evidence,
                advice="start the last bias at the log of the class shares, its weights small",
            )
    elif subject.task == "numbers" and best > 0 and start > 100 * best:
        yield Finding(
            "initial_loss",
            "note",
            f"the loss starts at {start:.3g}, {start / best:.0f} times that of the mean target",
            evidence,
            advice="standardize the targets, or start the last bias at their mean",
        )


def _uniform_losses(subject: Subject) -> Tensor:
    values = []
    for batch in subject.train:
        z = torch.zeros_like(subject.output(batch))
        values.append(float(subject.loss_fn(z, subject.target(batch))))
    return torch.tensor(values)


def _scale(subject: Subject) -> float:
    """How often a row is counted: 1 for a mean, the number of rows for a sum."""
    if not adds_up(subject):
        return 1.0
    return float(subject.rows(subject.train[0]))


def adds_up(subject: Subject) -> bool:
    """Whether the loss of a batch twice is twice its loss, as with reduction="sum"."""
    z, y = subject.output(subject.train[0]), subject.target(subject.train[0])
    one = float(subject.loss_fn(z, y))
    two = float(subject.loss_fn(torch.cat([z, z]), torch.cat([y, y])))
    return one != 0 and math.isclose(two, 2 * one, rel_tol=1e-3)


def check_loss(subject: Subject) -> Iterator[Finding]:
    """Is the right answer rewarded? Does each row meet its own target?"""
    if subject.task == "other":
        raise Skip("outputs and targets are of no known task")
    batch = subject.train[0]
    z, y = subject.output(batch), subject.target(batch)
    right, wrong = _answers(subject, z, y)
    costs = [_cost(subject, answer, y) for answer in (right, wrong)]
    if math.isfinite(costs[0]) and costs[0] > costs[1] + 1e-6 * abs(costs[1]):
        yield Finding(
            "loss",
            "error",
            f"right answers cost {costs[0]:.3g}, wrong ones {costs[1]:.3g}: the sign is wrong",
            {"right": costs[0], "wrong": costs[1]},
            advice="minimize the negative log-likelihood: put the minus in front",
        )
    yield from _broadcast(subject, z, y)
    if subject.rows(batch) > 1 and adds_up(subject):
        yield Finding(
            "loss",
            "note",
            "the loss is a sum over rows: gradients grow with the batch",
            {"rows": float(subject.rows(batch))},
            advice='use reduction="mean", or a learning rate divided by the batch size',
        )


def _answers(subject: Subject, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs that say what the targets say, and outputs that say something else."""
    if subject.task == "classes" and subject.class_dim is not None:
        classes = z.shape[subject.class_dim]
        if int(y.max()) >= classes:
            raise Skip("labels are outside the classes")
        hot = torch.nn.functional.one_hot(y.clamp(min=0), classes).movedim(-1, subject.class_dim)
        other = torch.nn.functional.one_hot((y.clamp(min=0) + 1) % classes, classes)
        return 0.9 * hot.to(z), 0.9 * other.movedim(-1, subject.class_dim).to(z)
    if y.numel() != z.numel():
        raise Skip("outputs and targets differ in number")
    if subject.task == "binary":
        y = 0.1 + 0.8 * y
        return y.reshape(z.shape).to(z), (1 - y).reshape(z.shape).to(z)
    right = y.reshape(z.shape).to(z)
    return right, right + right.std() + 1.0


def _cost(subject: Subject, answer: Tensor, y: Tensor) -> float:
    """The cost of an answer given row by row; nan if the loss refuses it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return sum(
                float(subject.loss_fn(answer[i : i + 1], y[i : i + 1]))
                for i in range(min(8, len(y)))
            )
    except Exception:  # a value that this loss does not allow
        return math.nan


def _broadcast(subject: Subject, z: Tensor, y: Tensor) -> Iterator[Finding]:
    """Outputs [N, 1] and targets [N] make a table [N, N] of all pairs."""
    same = z.shape == y.shape or subject.task == "classes" or z.numel() != y.numel()
    if same or len(y) < 3:
        return
    leaf = z.detach().clone().requires_grad_()
    changed = y.clone()
    changed[0] = y[0] + 1 if subject.task == "numbers" else 1 - y[0]
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        before, after = (
            torch.autograd.grad(subject.loss_fn(leaf, t), leaf)[0].flatten(1)[1:]
            for t in (y, changed)
        )
    if float((after - before).abs().max()) > 1e-3 * float(before.abs().max()):
        yield Finding(
            "loss",
            "error",
            f"outputs {list(z.shape)} and targets {list(y.shape)} are compared pair by pair: the "
            "gradient of one row depends on the target of another",
            {"outputs": str(list(z.shape)), "targets": str(list(y.shape))},
            advice="give both one shape: outputs.squeeze(1), or targets.unsqueeze(1)",
        )
