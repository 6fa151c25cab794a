"""Does what train teaches hold in another split?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from course_utils.diagnose.batches import Batch
from course_utils.diagnose.probe import Features, Probe, label_matrix, probe
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject, joined


def check_rule(
    subject: Subject, batches: Sequence[Batch], x: Features, name: str
) -> Iterator[Finding]:
    """A kernel that learned from train must predict the other split as well as train itself."""
    try:
        found = probe(subject)
        y = label_matrix(subject, joined([subject.target(batch) for batch in batches]))
    except Skip:
        return
    if not torch.isfinite(x[0]).all():
        return
    inside, outside, error = _scores(subject, found, found.predict(x), y)
    gap = outside - inside
    if gap > max(0.1, 4 * error):
        message = (
            f"a kernel model predicts {name} labels better than those of the train rows it saw"
        )
        advice = (
            "look at train rows that it gets wrong: labels may be wrong there, or augmentation hard"
        )
    elif -gap > max(0.3, 4 * error):
        message = f"what a kernel model learns from train does not hold in {name}"
        advice = "look at the codes of classes and the order of features in both splits"
    else:
        return
    yield Finding(
        "splits",
        "note" if gap > 0 and subject.augmented() else "warning",
        message,
        {"score_on_train_left_out": inside, f"score_on_{name}": outside, "standard_error": error},
        advice=advice,
    )


def _scores(
    subject: Subject, found: Probe, predicted: Tensor, y: Tensor
) -> tuple[float, float, float]:
    """Accuracy, or explained variance, of left-out train rows and of others; standard error."""
    if subject.task in ("classes", "binary") and y.shape[1] > 1:
        right = [
            (p.argmax(1) == t.argmax(1)).double()
            for p, t in ((found.left_out, found.labels), (predicted, y))
        ]
    elif subject.task == "binary":
        right = [
            ((p > 0.5) == (t > 0.5)).double().mean(1)
            for p, t in ((found.left_out, found.labels), (predicted, y))
        ]
    else:
        scale = (found.labels - found.center).square().sum(1).mean()
        right = [
            1 - (p - t).square().sum(1) / scale
            for p, t in ((found.left_out, found.labels), (predicted, y))
        ]
    error = sum(float(r.var()) / len(r) for r in right) ** 0.5
    return float(right[0].mean()), float(right[1].mean()), error
