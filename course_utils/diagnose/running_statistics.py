"""Does batch norm know the averages that it uses in evaluation mode?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from course_utils.diagnose.constant import best_constant
from course_utils.diagnose.layers import has_running_stats
from course_utils.diagnose.report import Finding
from course_utils.diagnose.significance import lower
from course_utils.diagnose.subject import Subject
from course_utils.diagnose.training import trained

UPDATES = 300  # enough for a momentum of 0.01
LAG = 0.05  # of what was learned
Statistics = list[tuple[Tensor, Tensor]]


def running_statistics(subject: Subject) -> Iterator[Finding]:
    """Running statistics after 300 more updates, against exact averages over the train batches.

    Each update leaves the share 1 - momentum of the old value, so 300 leave (1 - momentum)^300.
    """
    norms: list[Any] = [m for m in subject.model.modules() if _averages(m)]
    if not norms:
        return
    with trained(subject):
        old = [(m.running_mean.clone(), m.running_var.clone()) for m in norms]
        exact = _exact(subject, norms)
        best = _losses(subject, norms, exact)
        left = [(1 - float(m.momentum)) ** UPDATES for m in norms]
        mixed = [
            (share * mean + (1 - share) * exact_mean, share * var + (1 - share) * exact_var)
            for share, (mean, var), (exact_mean, exact_var) in zip(left, old, exact, strict=True)
        ]
        own = _losses(subject, norms, mixed)
    learned = best_constant(subject) - float(best.mean())
    if lower(best, own) and float((own - best).mean()) > LAG * learned > 0:
        yield Finding(
            "train_eval",
            "warning",
            f"running statistics lag behind: in evaluation mode train rows cost "
            f"{float(own.mean()):.3g}, with exact averages {float(best.mean()):.3g}",
            {"own": float(own.mean()), "exact": float(best.mean()), "updates": float(UPDATES)},
            advice="look at momentum of batch norm: in PyTorch the weight of the new batch, 0.1",
        )


def _averages(module: Any) -> bool:
    """Whether a module keeps an exponential average."""
    return has_running_stats(module) and isinstance(getattr(module, "momentum", None), int | float)


@torch.no_grad()
def _exact(subject: Subject, norms: list[Any]) -> Statistics:
    """Averages of the batches' statistics over one pass through the train batches."""
    totals = [(torch.zeros_like(m.running_mean), torch.zeros_like(m.running_var)) for m in norms]
    kept = [m.momentum for m in norms]
    for m in norms:
        m.momentum = 1.0  # running statistics are those of the last batch then
    subject.model.train()
    for batch in subject.train:
        subject.forward(batch)
        for m, (mean, var) in zip(norms, totals, strict=True):
            mean += m.running_mean / len(subject.train)
            var += m.running_var / len(subject.train)
    for m, momentum in zip(norms, kept, strict=True):
        m.momentum = momentum
    return totals


@torch.no_grad()
def _losses(subject: Subject, norms: list[Any], statistics: Statistics) -> Tensor:
    """Losses of the train batches [B] in evaluation mode with these statistics."""
    for m, (mean, var) in zip(norms, statistics, strict=True):
        m.running_mean.copy_(mean)
        m.running_var.copy_(var)
    subject.model.eval()
    return subject.losses(subject.train)
