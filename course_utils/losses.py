"""Cross-entropy with both conventions of label smoothing, and how calibrated probabilities are."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

Convention = Literal["torch", "slide"]

# Temperatures are looked for in [1 / LIMIT, LIMIT].
TEMPERATURE_LIMIT = 100.0


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    label_smoothing: float = 0.0,
    convention: Convention = "torch",
) -> Tensor:
    """Mean cross-entropy in nats of logits [N, C] with smoothed targets, long [N] of classes.

    The true class has probability 1 - e and the C - 1 others e / (C - 1) each, where
    "slide": e is label_smoothing; "torch" (Szegedy et al. 2016): label_smoothing is spread over all
    C classes, so that e = label_smoothing (C - 1) / C.

    Raises ValueError for shapes that do not fit, a target outside 0 ... C - 1 (there is no
    ignore_index; on a GPU torch's own error), a label_smoothing outside [0, 1], another convention,
    TypeError for targets that are not integers.

    >>> logits, target = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0])
    >>> cross_entropy(logits, target, 0.3), cross_entropy(logits, target, 0.2, "slide")
    (tensor(0.6698), tensor(0.6698))
    """
    _check_logits("logits", logits, target)
    if convention == "torch":
        e = convert_smoothing(label_smoothing, logits.shape[1], to="slide")
    else:
        _check_smoothing(label_smoothing, logits.shape[1], convention)
        e = label_smoothing
    log_p = F.log_softmax(logits, dim=1)
    true = _at_target(log_p, target)
    if e == 0:  # a masked class has log_p = -inf, and 0 * -inf is no number
        return -true.mean()
    others = log_p.sum(1) - true
    return -((1 - e) * true + e / (logits.shape[1] - 1) * others).mean()


def convert_smoothing(label_smoothing: float, classes: int, to: Convention) -> float:
    """The label_smoothing of one convention as that of the other: the same targets, the same loss.

    e_slide = e_torch (C - 1) / C. Raises ValueError for label_smoothing outside [0, 1],
    fewer than 2 classes, another convention.

    >>> convert_smoothing(0.2, classes=2, to="slide")
    0.1
    """
    _check_smoothing(label_smoothing, classes, to)
    ratio = (classes - 1) / classes
    return label_smoothing * ratio if to == "slide" else label_smoothing / ratio


def expected_calibration_error(probabilities: Tensor, targets: Tensor, bins: int = 15) -> float:
    """How far confidence is from accuracy, on average: probabilities [N, C], targets long [N].

    ECE = sum over bins B of size(B) / N * abs(accuracy(B) - confidence(B)), with examples put into
    `bins` equal intervals (b / bins, (b + 1) / bins] by the probability of their predicted class.
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3.

    Raises ValueError for shapes that do not fit, rows that are no probabilities (logits, say),
    targets that are no class and bins < 1, TypeError for targets that are not integers.

    >>> expected_calibration_error(torch.tensor([[0.75, 0.25]] * 4), torch.tensor([0, 0, 0, 1]))
    0.0
    """
    _check_logits("probabilities", probabilities, targets)
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins}")
    p = probabilities.detach().double()
    if p.min() < 0 or not torch.allclose(p.sum(1), torch.ones_like(p[:, 0]), atol=1e-3):
        raise ValueError("probabilities must be non-negative with rows that sum to 1: use softmax")
    _at_target(p, targets)  # a target that is no class would count as a wrong prediction
    confidence, predicted = p.max(1)
    gap = (predicted == targets).double() - confidence
    bin_of = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gaps = p.new_zeros(bins).index_add(0, bin_of, gap)
    return float(gaps.abs().sum()) / len(p)


def temperature_scale(logits: Tensor, targets: Tensor) -> float:
    """The temperature T with the smallest cross-entropy of logits / T; logits [N, C], targets [N].

    The loss is convex in 1 / T; its derivative, mean(sum_c p_c z_c - z_target), is brought to zero
    by bisection over log T. T is 0.01 or 100 when the best one lies beyond, as for logits that are
    always right or worse than chance. Source: Guo et al. 2017, section 4.2. Errors as in
    `cross_entropy`.

    >>> temperature_scale(torch.tensor([[2.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1]))  # 2 / log 3
    1.8204784...
    """
    _check_logits("logits", logits, targets)
    z = logits.detach().double()
    at_target = _at_target(z, targets).mean()

    def slope(log_t: float) -> float:
        p = (z / math.exp(log_t)).softmax(1)
        return float((p * z).sum(1).mean() - at_target)

    low, high = -math.log(TEMPERATURE_LIMIT), math.log(TEMPERATURE_LIMIT)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return math.exp(high)


def _at_target(scores: Tensor, target: Tensor) -> Tensor:
    """scores[n, target[n]] of scores [N, C]; also under vmap, where no value can be looked at."""
    try:
        return scores.gather(1, target.long().unsqueeze(1)).squeeze(1)
    except (IndexError, RuntimeError) as error:
        if "out of bounds" not in str(error):
            raise
        classes = f"0 ... {scores.shape[1] - 1} (there is no ignore_index)"
        raise ValueError(f"target must lie in {classes}, got: {error}") from error


def _check_logits(name: str, logits: Tensor, target: Tensor) -> None:
    if logits.ndim != 2 or logits.shape[1] < 2 or len(logits) == 0:
        raise ValueError(f"{name} must be [N, C] with C of at least 2, got {tuple(logits.shape)}")
    if target.shape != logits.shape[:1]:
        raise ValueError(f"target must be [{len(logits)}], got {tuple(target.shape)}")
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TypeError(f"target must hold integers, got {target.dtype}")


def _check_smoothing(label_smoothing: float, classes: int, convention: str) -> None:
    if convention not in get_args(Convention):
        raise ValueError(f'convention must be "torch" or "slide", got {convention!r}')
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must lie in [0, 1], got {label_smoothing}")
    if classes < 2:
        raise ValueError(f"classes must be at least 2, got {classes}")
