"""Does the last layer fit the loss?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from course_utils.diagnose.reach import Reach, reach
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject


def check_softmax_before_loss(subject: Subject) -> Iterator[Finding]:
    """A softmax, sigmoid or ReLU in front of a loss that wants any number."""
    if subject.task == "other":
        raise Skip("outputs and targets are of no known task")
    found = reach(subject)
    if subject.task == "classes":
        yield from _classes(subject, found)
    elif subject.task == "binary":
        yield from _binary(subject, found)
    else:
        yield from _numbers(subject, found)


def _classes(subject: Subject, found: Reach) -> Iterator[Finding]:
    batch = subject.head(32)
    z, y = subject.output(batch), subject.target(batch)
    takes_logits = _takes_logits(subject, z, y)
    evidence = {"lowest_output": found.low, "highest_output": found.high}
    if found.probabilities and takes_logits:
        yield Finding(
            "softmax_before_loss",
            "error",
            "outputs are probabilities, and the loss applies a softmax to them again",
            evidence | {"lowest_possible_loss": _floor(z, subject.class_dim or 1, 1.0)},
            advice="drop the softmax from the model; apply it where probabilities are shown",
        )
    elif found.probabilities and _is_linear(subject, z, y):
        yield Finding(
            "softmax_before_loss",
            "error",
            "outputs are probabilities, and the loss wants their logarithms",
            evidence,
            advice="use log_softmax in the model, or logits with cross_entropy",
        )
    elif not found.log_probabilities and not found.probabilities and _is_linear(subject, z, y):
        yield Finding(
            "softmax_before_loss",
            "error",
            "outputs are logits, and the loss is linear in them: it wants log-probabilities",
            evidence,
            advice="use cross_entropy for nll_loss, or log_softmax as the last layer",
        )
    elif takes_logits and not found.log_probabilities:
        floor = _floor(z, subject.class_dim or 1, found.high - found.low)
        uniform = math.log(z.shape[subject.class_dim or 1])
        if floor > 0.05 * uniform or found.low >= 0:
            yield Finding(
                "softmax_before_loss",
                "warning",
                f"logits stay between {found.low:.3g} and {found.high:.3g}, whatever the weights",
                evidence | {"lowest_possible_loss": floor},
                advice="end the model with a linear layer: no activation after it",
            )


def _binary(subject: Subject, found: Reach) -> Iterator[Finding]:
    batch = subject.head(32)
    z, y = subject.output(batch), subject.target(batch)
    if found.low < -1.01 or not _takes_binary_logits(subject, z, y):
        return
    yield Finding(
        "softmax_before_loss",
        "error" if found.high <= 1 else "warning",
        f"outputs stay between {found.low:.3g} and {found.high:.3g}, and the loss applies a "
        "sigmoid to them",
        {"lowest_output": found.low, "highest_output": found.high},
        advice="drop the last activation: binary_cross_entropy_with_logits has the sigmoid",
    )


def _numbers(subject: Subject, found: Reach) -> Iterator[Finding]:
    y = subject.targets
    low, high = float(y.min()), float(y.max())
    outside = float(((y < found.low - 1e-3) | (y > found.high + 1e-3)).double().mean())
    if outside > 0.01:
        yield Finding(
            "softmax_before_loss",
            "error" if outside > 0.1 else "warning",
            f"targets go from {low:.3g} to {high:.3g}, outputs only from {found.low:.3g} to "
            f"{found.high:.3g}, whatever the weights",
            {"share_of_targets_outside": outside},
            advice="end the model with a linear layer, or scale targets into the range",
        )


def _call(subject: Subject, z: Tensor, y: Tensor) -> float:
    """The loss of outputs made up; nan if it refuses them."""
    try:
        with torch.no_grad():
            return float(subject.loss_fn(z, y))
    except Exception:  # values that this loss does not allow
        return math.nan


def _takes_logits(subject: Subject, z: Tensor, y: Tensor) -> bool:
    """A softmax inside makes a loss blind to a constant added to all classes."""
    shifted, plain = _call(subject, 3 * z + 5.0, y), _call(subject, 3 * z, y)
    return math.isclose(shifted, plain, rel_tol=1e-3, abs_tol=1e-4)


def _is_linear(subject: Subject, z: Tensor, y: Tensor) -> bool:
    """loss(2 z) = 2 loss(z), and the right class is rewarded without end: nll_loss is so."""
    one, two = _call(subject, z, y), _call(subject, 2 * z, y)
    shift = _call(subject, z + 1.0, y) - one
    return math.isclose(two, 2 * one, rel_tol=1e-3, abs_tol=1e-5) and shift < -1e-3


def _takes_binary_logits(subject: Subject, z: Tensor, y: Tensor) -> bool:
    """Large logits of the right sign cost nothing, and 0 costs something."""
    sign = (2 * y - 1).reshape(z.shape)
    right, none = _call(subject, 50 * sign, y), _call(subject, 0 * sign, y)
    return abs(right) < 1e-3 < none


def _floor(z: Tensor, dim: int, width: float) -> float:
    """Lowest cross-entropy when logits differ by at most `width`: log(1 + (C - 1) e^-width)."""
    return math.log1p((z.shape[dim] - 1) * math.exp(-width))
