"""Which outputs a model can give, whatever its weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_utils.diagnose.subject import Subject
from course_utils.unchanged import unchanged

LAYERS = 12  # the last ones: the head is among them
FACTORS = (1.0, -1.0, 100.0, -100.0)


@dataclass(frozen=True)
class Reach:
    """The range of outputs, seen when the weights of each layer are turned and scaled.

    Those of a linear head go to both sides without end; a softmax, sigmoid or ReLU shows its
    limits. `sums_to_one`: so do classes always. `log_probabilities`: so do their exponentials.
    """

    low: float
    high: float
    sums_to_one: bool
    log_probabilities: bool

    @property
    def width(self) -> float:
        """Length of the range."""
        return self.high - self.low


def reach(subject: Subject) -> Reach:
    """The range of outputs of 16 rows; found once."""
    if "reach" not in subject.shared:
        with unchanged(*subject.everything()):
            subject.shared["reach"] = _probe(subject)
    found: Reach = subject.shared["reach"]
    return found


@torch.no_grad()
def _probe(subject: Subject) -> Reach:
    batch = subject.head(16)
    owners = [m for m in subject.model.modules() if any(True for _ in m.parameters(recurse=False))]
    outputs = []
    for module in owners[-LAYERS:]:
        kept = [p.detach().clone() for p in module.parameters(recurse=False)]
        for factor in FACTORS:
            _scale(module, kept, factor)
            outputs.append(subject.output(batch))
        _scale(module, kept, 1.0)
    if not outputs:
        outputs = [subject.output(batch)]
    z = torch.stack(outputs).double()
    z = z[torch.isfinite(z).flatten(1).all(1)]
    if subject.class_dim is None or z.shape[1 + subject.class_dim] < 2 or not len(z):
        sums, logs = False, False
    else:
        dim = 1 + subject.class_dim
        sums = bool(((z.sum(dim) - 1).abs() < 1e-3).all() and (z >= 0).all())
        logs = bool((z.logsumexp(dim).abs() < 1e-3).all())
    low, high = (float(z.min()), float(z.max())) if z.numel() else (0.0, 0.0)
    return Reach(low, high, sums, logs)


def _scale(module: nn.Module, values: list[Tensor], factor: float) -> None:
    for parameter, value in zip(module.parameters(recurse=False), values, strict=True):
        parameter.copy_(value * factor)
