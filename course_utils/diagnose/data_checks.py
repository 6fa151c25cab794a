"""Checks of inputs and labels, before any training."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from course_utils.diagnose.first_layer import first_layer_input
from course_utils.diagnose.probe import different_rows, features, row_keys
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject

LARGE = 10.0  # root mean square from which the learning rate that fits changes 100-fold


def check_inputs(subject: Subject) -> Iterator[Finding]:
    """Not finite, constant or equal inputs, and inputs of an unusual size."""
    numbers, tokens = features(subject, subject.train)
    bad = ~torch.isfinite(numbers)
    if bad.any():
        columns = bad.any(0).nonzero().flatten().tolist()
        yield Finding(
            "inputs",
            "error",
            f"{int(bad.any(1).sum())} of {len(bad)} rows hold NaN or infinite inputs",
            {"rows": float(bad.any(1).sum()), "features": columns},
            advice="fill, drop or mask missing values before the network sees them",
        )
        return
    if len(numbers) > 1 and len(set(row_keys((numbers, tokens)))) == 1:
        yield Finding(
            "inputs",
            "error",
            f"all {len(numbers)} rows of the inputs are equal",
            {"rows": float(len(numbers))},
            advice="look at what __getitem__ and the collate function return for two indices",
        )
        return
    if numbers.shape[1]:
        yield from _constant_and_duplicate(numbers)
        yield from _scale(subject)


def _constant_and_duplicate(x: Tensor) -> Iterator[Finding]:
    if len(x) < 2:
        return
    varying = (x != x[0]).any(0)
    constant, total = int((~varying).sum()), x.shape[1]
    if constant:
        # A rare feature may be missing by chance; one as dense as the others may not.
        density = (x[:, varying] != x[:, varying].median(0).values).double().mean(0).median()
        dense = len(x) >= 100 and float(density) > 0.1
        yield Finding(
            "inputs",
            "warning" if constant > total / 2 and dense else "note",
            f"{constant} of {total} features have the same value in all {len(x)} rows",
            {"constant": float(constant), "features": float(total)},
            advice="check that the loop that fills the array reaches its end; drop empty features",
        )
    kept = x[:, varying]
    copies = kept.shape[1] - len(torch.unique(kept.T, dim=0)) if kept.numel() else 0
    if copies:
        yield Finding(
            "inputs",
            "note",
            f"{copies} of {total} features are copies of others",
            {"copies": float(copies)},
            advice="drop copies, they add weights and no information",
        )


def _scale(subject: Subject) -> Iterator[Finding]:
    """What reaches the first layer with weights: a model may normalize by itself."""
    layer, x = ("", None) if subject.error else first_layer_input(subject)
    if x is None:
        return
    rms = float(x.double().square().mean().sqrt())
    spread = float((x.double() - x.double().mean(0)).square().mean().sqrt())
    if rms > LARGE:
        yield Finding(
            "inputs",
            "warning",
            f"inputs of {layer} have a root mean square of {rms:.3g}; about 1 is usual",
            {"rms": rms, "standard_deviation": spread},
            advice="subtract the mean and divide by the standard deviation of the train rows",
        )
    elif 0 < spread < rms / 30:
        yield Finding(
            "inputs",
            "warning",
            f"inputs of {layer} vary by {spread:.2g} around values of {rms:.2g}",
            {"rms": rms, "standard_deviation": spread},
            advice="subtract the mean of the train rows, then divide by their standard deviation",
        )


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
