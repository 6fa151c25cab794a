"""Checks of the loss: its value at the start, its sign, and what it compares."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from course_utils.diagnose.constant import answers, best_constant, uniform_loss
from course_utils.diagnose.reach import reach
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import train_losses

LARGE = 5.0  # logits of standard deviation 3: the network is sure of wrong answers


def check_initial_loss(subject: Subject) -> Iterator[Finding]:
    """The loss at the start against those of equal probabilities and of the best constant."""
    start = float(train_losses(subject).mean())
    if not math.isfinite(start):
        yield Finding(
            "initial_loss",
            "error",
            f"the loss is {start} before the first step",
            {"loss": start},
            advice="look for log(0), a division by 0, or inputs that are not finite",
        )
        return
    constant = best_constant(subject)
    if subject.task in ("classes", "binary"):
        yield from _against_uniform(subject, start, constant)
    elif subject.task == "numbers" and start > 10 * constant > 0:
        yield Finding(
            "initial_loss",
            "note",
            f"the loss starts at {start:.3g}, {start / constant:.0f} times that of the mean target",
            {"loss": start, "best_constant": constant},
            advice="standardize the targets, or start the last bias at their mean",
        )


def _against_uniform(subject: Subject, start: float, constant: float) -> Iterator[Finding]:
    """Logits of variance s^2 cost about s^2 / 2 more than equal ones: log C + s^2 / 2."""
    uniform = uniform_loss(subject)
    rows = subject.rows(subject.train[0]) if adds_up(subject) else 1
    excess = (start - uniform) / rows
    evidence = {"loss": start, "equal_probabilities": uniform, "best_constant": constant}
    if excess > LARGE:
        yield Finding(
            "initial_loss",
            "warning",
            f"the loss starts at {start:.3g}; equal probabilities have {uniform:.3g}",
            {**evidence, "spread_of_logits": math.sqrt(2 * excess)},
            advice="normalize the inputs; draw the weights, above all the last ones, smaller",
        )
    elif excess > 0.7 or constant < 0.7 * min(start, uniform):
        yield Finding(
            "initial_loss",
            "note",
            f"the loss starts at {start:.3g}; the shares of the classes alone give {constant:.3g}",
            evidence,
            advice="start the last bias at the log of the class shares, and its weights small",
        )


def adds_up(subject: Subject) -> bool:
    """Whether the loss of a batch twice is twice its loss, as with reduction="sum"."""
    z, y = subject.output(subject.train[0]), subject.target(subject.train[0])
    try:
        one = float(subject.loss_fn(z, y))
        two = float(subject.loss_fn(torch.cat([z, z]), torch.cat([y, y])))
    except Exception:  # a loss for batches of one size
        return False
    return one != 0 and math.isclose(two, 2 * one, rel_tol=1e-3)


def check_loss(subject: Subject) -> Iterator[Finding]:
    """Are right answers rewarded? Does each row meet its own target?"""
    if subject.task == "other":
        raise Skip("outputs and targets are of no known task")
    batch = subject.train[0]
    z, y = subject.output(batch), subject.target(batch)
    right, *wrong = _costs(subject, z, y)
    if math.isfinite(right) and right > max(wrong) + 1e-6 * abs(right):
        yield Finding(
            "loss",
            "error",
            f"right answers cost {right:.3g}, wrong ones {max(wrong):.3g}: the sign is wrong",
            {"right": right, "wrong": max(wrong)},
            advice="minimize the negative log-likelihood: put the minus in front",
        )
    yield from _broadcast(subject, z, y)
    if len(y) > 1 and adds_up(subject):
        yield Finding(
            "loss",
            "note",
            "the loss is a sum over rows: gradients grow with the batch",
            {"rows": float(len(y))},
            advice='use reduction="mean", or a learning rate divided by the batch size',
        )


def _costs(subject: Subject, z: Tensor, y: Tensor) -> list[float]:
    """Costs of outputs that say what the targets say, and of outputs that say something else.

    One row at a time, so that rows cannot be mixed up; nan if the loss refuses them.
    """
    if subject.task in ("classes", "binary"):
        right = answers(subject, y, z, 3.0)
        wrong = [-right] if subject.task == "binary" else [right.roll(1, subject.class_dim or 1)]
    elif y.numel() == z.numel():
        right = y.reshape(z.shape).to(z)
        far = 10 * (float(right.std()) + 1) if right.numel() > 1 else 10.0
        # On both sides: a loss of its own output scale may have its optimum to one side of y.
        wrong = [right + far, right - far]
    else:
        return [math.nan, math.nan]
    return [_cost(subject, answer, y) for answer in (right, *wrong)]


def _cost(subject: Subject, free: Tensor, y: Tensor) -> float:
    link = reach(subject).link
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outputs = link(free, subject.class_dim)
            rows = range(min(8, len(y)))
            return sum(float(subject.loss_fn(outputs[i : i + 1], y[i : i + 1])) for i in rows)
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
