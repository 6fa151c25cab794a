"""Which outputs a model can give, whatever its weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_utils.diagnose.subject import Subject
from course_utils.unchanged import unchanged

LAYERS = 12  # the last ones: the head is among them
FACTOR = 100.0
GROWTH = 5.0  # of the range when weights grow by FACTOR: there is no limit on that side
ROWS = 16


@dataclass(frozen=True)
class Reach:
    """The range of outputs, seen while the weights of one layer after the other are scaled.

    That of a linear head grows to both sides and is taken as infinite; a softmax, sigmoid or ReLU
    shows its limits. `probabilities`: classes always add up to 1. `log_probabilities`: their
    exponentials do.
    """

    low: float
    high: float
    probabilities: bool = False
    log_probabilities: bool = False

    def link(self, free: Tensor, class_dim: int | None) -> Tensor:
        """Turn numbers without limits [N, ...] into outputs that the model could give."""
        if class_dim is not None and self.log_probabilities:
            return free.log_softmax(class_dim)
        if class_dim is not None and self.probabilities:
            return free.softmax(class_dim)
        if self.low >= 0 and self.high <= 1:
            return free.sigmoid()
        return free


def reach(subject: Subject) -> Reach:
    """The range of outputs of some rows; found once."""
    return subject.memo("reach", lambda: _reach(subject))


@torch.no_grad()
def _reach(subject: Subject) -> Reach:
    with unchanged(*subject.everything()):
        subject.seeded()
        as_is, scaled = (_finite(_outputs(subject, factor)) for factor in (1.0, FACTOR))
    if not as_is.numel() or not scaled.numel():
        return Reach(-math.inf, math.inf)
    both = torch.cat([as_is, scaled])
    low, high = (float(limit) for limit in both.aminmax())
    low = -math.inf if low < min(0.0, GROWTH * float(as_is.min())) else low
    high = math.inf if high > max(0.0, GROWTH * float(as_is.max())) else high
    dim = subject.class_dim
    if dim is None or both.shape[1 + dim] < 2:
        return Reach(low, high)
    sums, logs = both.sum(1 + dim) - 1, both.logsumexp(1 + dim)
    ones, zeros = (bool((x.abs() < 1e-3).all()) for x in (sums, logs))
    return Reach(low, high, probabilities=ones and low >= 0, log_probabilities=zeros)


def _outputs(subject: Subject, factor: float) -> Tensor:
    """Outputs of a few rows [layers, N, ...] with weights of one layer times +- the factor."""
    batch = subject.head(ROWS)
    found = []
    layers = [m for m in subject.model.modules() if list(m.parameters(recurse=False))]
    for layer in layers[-LAYERS:]:
        kept = [p.detach().clone() for p in layer.parameters(recurse=False)]
        # Zeros stay zeros when scaled: numbers take their place.
        base = [p if p.any() else torch.randn_like(p) for p in kept]
        for sign in (1.0, -1.0):
            _set(layer, [sign * factor * p for p in base])
            found.append(subject.output(batch))
        _set(layer, kept)
    return torch.stack(found or [subject.output(batch)]).double()


def _finite(outputs: Tensor) -> Tensor:
    return outputs[torch.isfinite(outputs).flatten(1).all(1)]


def _set(layer: nn.Module, values: list[Tensor]) -> None:
    for parameter, value in zip(layer.parameters(recurse=False), values, strict=True):
        parameter.copy_(value)
