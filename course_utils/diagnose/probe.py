"""Do labels agree with inputs? Asked of a kernel, which has nothing to do with the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.diagnose.batches import Batch
from course_utils.diagnose.subject import Skip, Subject, joined

Features = tuple[Tensor, Tensor]  # numbers [n, d] and tokens [n, t]
MAX_ROWS = 300
SHUFFLES = 30
RIDGE = 5.0  # on a diagonal of ones: weak relations show, and noise is not followed


@dataclass
class Probe:
    """Kernel ridge regression of labels on inputs, with its leave-one-out predictions.

    `explained` [kernels]: share of the labels' variance explained, leave-one-out; `z`: how many
    standard deviations the best of them is above that of shuffled labels.
    """

    rows: int
    explained: float
    z: float
    left_out: Tensor
    labels: Tensor
    features: Features
    weights: Tensor
    kernel: int
    center: Tensor

    def predict(self, features: Features) -> Tensor:
        """Predicted labels [n, k] of other rows."""
        k = kernels(features, self.features)[self.kernel]
        return k @ self.weights + self.center


def features(subject: Subject, batches: Sequence[Batch]) -> Features:
    """Numbers [n, d] and tokens [n, t] of the inputs, each possibly without columns."""
    if not subject.rows_first:
        raise Skip("rows are not the first dimension of all tensors in a batch")
    parts = [subject.inputs(batch) for batch in batches]
    if not parts or not parts[0]:
        raise Skip("a batch has no input tensor beside its target")
    numbers: list[Tensor] = []
    tokens: list[Tensor] = []
    for path in parts[0]:
        x = joined([part[path] for part in parts])
        x = x.reshape(len(x), -1)
        (numbers if x.is_floating_point() else tokens).append(x.to("cpu"))
    n = sum(subject.rows(batch) for batch in batches)
    return (
        torch.cat(numbers, 1).double() if numbers else torch.zeros(n, 0, dtype=torch.float64),
        torch.cat(tokens, 1).long() if tokens else torch.zeros(n, 0, dtype=torch.long),
    )


def label_matrix(subject: Subject, targets: Tensor) -> Tensor:
    """Labels [n, k] as numbers: one-hot classes, or the targets themselves."""
    y = targets.to("cpu")
    if subject.task == "classes" and y.dim() == 1:
        # Classes beyond those of train are left out: no row of train could predict them.
        classes = int(subject.targets.max()) + 1
        if classes > 100 or int(subject.targets.min()) < 0:
            raise Skip(f"classes must be from 0 to 99 for this, got {classes}")
        return F.one_hot(y.clamp(0, classes - 1), classes).double()
    if subject.task in ("binary", "numbers") and y[0].numel() <= 100:
        return y.reshape(len(y), -1).double()
    raise Skip("labels are neither one class nor a few numbers for each row")


def probe(subject: Subject) -> Probe:
    """The probe of the train rows; made once. Skips for fewer than 30 different rows."""
    return subject.memo("probe", lambda: _best(subject))


def _best(subject: Subject) -> Probe:
    x = features(subject, subject.train)
    y = label_matrix(subject, subject.targets)
    generator = torch.Generator().manual_seed(subject.seed)
    keep = different_rows(x)
    keep = keep[torch.randperm(len(keep), generator=generator)[:MAX_ROWS]]
    x, y = (x[0][keep], x[1][keep]), y[keep]
    if len(keep) < 30:
        raise Skip(f"needs at least 30 different rows, got {len(keep)}")
    if not (torch.isfinite(x[0]).all() and torch.isfinite(y).all()):
        raise Skip("inputs or labels are not finite")
    if bool((y == y[0]).all()):
        raise Skip("all labels are the same")
    orders = [torch.randperm(len(y), generator=generator) for _ in range(SHUFFLES)]
    probes = [_fit(x, y, number, kernel, orders) for number, kernel in enumerate(kernels(x, x))]
    if not probes:
        raise Skip("there are no inputs")
    return max(probes, key=lambda one: one.z)


def _fit(x: Features, y: Tensor, number: int, kernel: Tensor, orders: list[Tensor]) -> Probe:
    """Leave-one-out in closed form: the error of row i is (A y)_i / A_ii with A = (K + r I)^-1."""
    center = y.mean(0)
    factor = torch.linalg.cholesky(kernel + RIDGE * torch.eye(len(y), dtype=kernel.dtype))
    inverse = torch.cholesky_inverse(factor)
    target = y - center
    # All orders at once [n, 1 + shuffles, k], the true one first.
    tables = torch.stack([target, *(target[order] for order in orders)], dim=1)
    errors = torch.einsum("ij,jsk->isk", inverse, tables) / inverse.diagonal()[:, None, None]
    explained = 1 - errors.square().sum((0, 2)) / target.square().sum()
    z = (explained[0] - explained[1:].mean()) / explained[1:].std().clamp(min=1e-12)
    return Probe(
        len(y),
        float(explained[0]),
        float(z),
        y - errors[:, 0],
        y,
        x,
        inverse @ target,
        number,
        center,
    )


def different_rows(x: Features) -> Tensor:
    """Numbers of the first of each set of equal rows: a copy would give its label away."""
    seen: dict[bytes, int] = {}
    for i, key in enumerate(row_keys(x)):
        seen.setdefault(key, i)
    return torch.tensor(sorted(seen.values()))


def row_keys(x: Features) -> list[bytes]:
    """A key for each row that is the same for equal rows."""
    numbers, tokens = (part.contiguous().numpy() for part in x)
    return [a.tobytes() + b.tobytes() for a, b in zip(numbers, tokens, strict=True)]


def kernels(a: Features, b: Features) -> list[Tensor]:
    """Kernels [len(a), len(b)]: near rows are alike; of tokens, by place and as a bag."""
    found = []
    if b[0].shape[1]:
        mean, std = b[0].mean(0), b[0].std(0)
        scale = torch.where(std > 0, std, 1.0).clamp(min=1e-2 * float(std.max()))
        p, q = ((part[0] - mean) / scale for part in (a, b))
        width = torch.cdist(q[:100], q[:100]).square().median().clamp(min=1e-12)
        found.append(torch.exp(-torch.cdist(p, q).square() / width))
    if b[1].shape[1]:
        same_place = (a[1][:, None] == b[1][None]).double().mean(2)
        found.append(torch.exp(2 * same_place))
        size = int(max(a[1].max(), b[1].max())) + 1
        if int(min(a[1].min(), b[1].min())) >= 0 and size <= 20_000:
            p, q = (_bag(part[1], size) for part in (a, b))
            found.append(torch.exp(2 * p @ q.T))
    return found


def _bag(tokens: Tensor, size: int) -> Tensor:
    bag = torch.zeros(len(tokens), size, dtype=torch.float64)
    bag.scatter_add_(1, tokens, torch.ones_like(tokens, dtype=torch.float64))
    return F.normalize(bag, dim=1)
