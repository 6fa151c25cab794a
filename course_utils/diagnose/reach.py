"""Which outputs a model can give, whatever its weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_utils.diagnose.subject import Subject
from course_utils.unchanged import unchanged

LAYERS = 12  # the last ones: the head is among them
FACTORS = (1.0, -1.0, 100.0, -100.0)
ROWS = 16


@dataclass(frozen=True)
class Reach:
    """The range of outputs, seen while the weights of one layer after the other are scaled.

    Those of a linear head go to both sides without end; a softmax, sigmoid or ReLU shows its
    limits. `probabilities`: classes always add up to 1. `log_probabilities`: their exponentials do.
    """

    low: float
    high: float
    probabilities: bool
    log_probabilities: bool

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
        outputs = torch.stack(_outputs(subject)).double()
    outputs = outputs[torch.isfinite(outputs).flatten(1).all(1)]
    if not outputs.numel():
        return Reach(float("-inf"), float("inf"), False, False)
    low, high = float(outputs.min()), float(outputs.max())
    dim = 0 if subject.class_dim is None else 1 + subject.class_dim
    if dim == 0 or outputs.shape[dim] < 2:
        return Reach(low, high, False, False)
    sums, logs = outputs.sum(dim) - 1, outputs.logsumexp(dim)
    return Reach(
        low, high, low >= 0 and bool((sums.abs() < 1e-3).all()), bool((logs.abs() < 1e-3).all())
    )


def _outputs(subject: Subject) -> list[Tensor]:
    """Outputs of a few rows for each layer and each factor of its weights."""
    batch = subject.head(ROWS)
    found = [subject.output(batch)]
    layers = [
        m for m in subject.model.modules() if next(m.parameters(recurse=False), None) is not None
    ]
    for layer in layers[-LAYERS:]:
        kept = [p.detach().clone() for p in layer.parameters(recurse=False)]
        for factor in FACTORS:
            _set(layer, [value * factor for value in kept])
            found.append(subject.output(batch))
        _set(layer, kept)
    return found


def _set(layer: nn.Module, values: list[Tensor]) -> None:
    for parameter, value in zip(layer.parameters(recurse=False), values, strict=True):
        parameter.copy_(value)
