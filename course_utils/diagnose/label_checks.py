"""Checks of labels: out of range, constant, sorted, standing among the inputs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from course_utils.diagnose.probe import different_rows, features
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject


def check_labels(subject: Subject) -> Iterator[Finding]:
    """Labels outside the classes, constant, sorted, or standing among the inputs."""
    y = subject.targets
    if y.is_floating_point() and not torch.isfinite(y).all():
        yield Finding(
            "labels",
            "error",
            f"{int((~torch.isfinite(y)).sum())} labels are NaN or infinite",
            advice="drop rows without a label",
        )
        return
    if len(y) > 1 and y[0].numel() == 1 and bool((y == y[0]).all()):
        yield Finding(
            "labels",
            "error",
            f"all {len(y)} labels are {y[0].item():g}: there is nothing to learn",
            {"label": float(y[0])},
            advice="look at the column that labels are read from, and at the sampler",
        )
        return
    if not y.is_floating_point():
        yield from _range(subject, y)
    if y.dim() == 1 and subject.task in ("classes", "binary"):
        yield from _order(subject)
        yield from _among_inputs(subject)


def _range(subject: Subject, y: Tensor) -> Iterator[Finding]:
    classes = _outputs(subject)
    if classes is None:
        return
    used = y[y != -100]  # PyTorch's default for "ignore this one"
    low, high = int(used.min()), int(used.max())
    if low < 0 or high >= classes:
        yield Finding(
            "labels",
            "error",
            f"labels go from {low} to {high}, the {classes} outputs are the classes 0 to "
            f"{classes - 1}",
            {"smallest": float(low), "largest": float(high), "outputs": float(classes)},
            advice="number classes from 0, and give the last layer one output for each",
        )
        return
    seen = torch.bincount(used.flatten(), minlength=classes)
    missing = int((seen == 0).sum())
    if missing:
        yield Finding(
            "labels",
            "note",
            f"{missing} of {classes} classes do not occur in {len(y)} rows",
            {"classes": (seen == 0).nonzero().flatten().tolist()},
            advice="check the number of outputs and how the split was drawn",
        )
    elif float(seen.max()) > 0.9 * float(seen.sum()):
        share = float(seen.max() / seen.sum())
        yield Finding(
            "labels",
            "note",
            f"class {int(seen.argmax())} has {share:.0%} of the labels".replace("%", " %"),
            {"share": share},
            advice="judge by a metric that a constant answer cannot win, such as the AUC",
        )


def _outputs(subject: Subject) -> int | None:
    """How many classes the model has outputs for, if it runs and has such outputs."""
    try:
        dim = subject.class_dim
        return None if dim is None else subject.output(subject.train[0]).shape[dim]
    except Exception:  # reported by the check `loss`
        return None


def _order(subject: Subject) -> Iterator[Finding]:
    """Chi-squared statistic of batch against label, compared with that of shuffled labels."""
    batches = [subject.target(batch).cpu() for batch in subject.train]
    values, label = torch.unique(torch.cat(batches), return_inverse=True)
    if len(batches) < 2 or len(values) < 2:
        return
    batch = torch.repeat_interleave(torch.tensor([len(b) for b in batches]))
    generator = torch.Generator().manual_seed(subject.seed)
    orders = [torch.randperm(len(label), generator=generator) for _ in range(40)]
    statistic = _chi_squared(batch, label)
    shuffled = torch.stack([_chi_squared(batch, label[order]) for order in orders])
    z = float((statistic - shuffled.mean()) / shuffled.std().clamp(min=1e-12))
    if z > 8 and bool((statistic > 1.5 * shuffled).all()):
        yield Finding(
            "labels",
            "warning",
            "labels depend on the batch: rows come sorted",
            {"chi_squared": float(statistic), "when_shuffled": float(shuffled.mean())},
            advice="shuffle the train rows: DataLoader(..., shuffle=True)",
        )


def _chi_squared(a: Tensor, b: Tensor) -> Tensor:
    """Sum of (observed - expected)^2 / expected over the table of two numberings."""
    shape = int(a.max()) + 1, int(b.max()) + 1
    table = torch.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).view(shape).double()
    expected = table.sum(1, keepdim=True) * table.sum(0, keepdim=True) / table.sum()
    return ((table - expected).square() / expected).sum()


def _among_inputs(subject: Subject) -> Iterator[Finding]:
    """One feature that is constant within each class and differs between classes."""
    try:
        numbers, tokens = features(subject, subject.train)
    except Skip:  # rows of no common shape
        return
    keep = different_rows((numbers, tokens))
    x, y = numbers[keep], subject.targets.cpu()[keep]
    if x.shape[1] < 2 or len(x) < 20 or not torch.isfinite(x).all():
        return
    values, number = torch.unique(y, return_inverse=True)
    means = torch.stack([x[number == k].mean(0) for k in range(len(values))])
    within = (x - means[number]).square().sum(0)
    between = (x - x.mean(0)).square().sum(0)
    distinct = torch.tensor([len(torch.unique(m)) == len(values) for m in means.T])
    found = ((within < 1e-6 * between) & distinct).nonzero().flatten().tolist()
    if found:
        yield Finding(
            "labels",
            "warning",
            f"input feature {found[0]} alone tells the class of every row",
            {"features": found},
            advice="drop the feature if it is not known before the answer is",
        )
