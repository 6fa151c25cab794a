"""Small scripts for the tests of `diagnose`."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from course_utils.diagnose import Report, diagnose
from course_utils.diagnose.subject import Subject
from course_utils.models import mlp

Batches = list[tuple[Tensor, Tensor]]


def blobs(rows: int = 240, classes: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Inputs [rows, 6] around one center for each class, labels [rows], in random order."""
    g = torch.Generator().manual_seed(seed)
    centers = torch.randn(classes, 6, generator=torch.Generator().manual_seed(7))
    y = torch.arange(rows) % classes
    x = centers[y] + 0.7 * torch.randn(rows, 6, generator=g)
    order = torch.randperm(rows, generator=g)
    return x[order], y[order]


def batches(x: Tensor, y: Tensor, size: int = 30) -> Batches:
    return list(zip(x.split(size), y.split(size), strict=True))


def script(**changes: Any) -> dict[str, Any]:
    """Arguments of `diagnose` for a healthy script, with some of them replaced."""
    torch.manual_seed(0)
    model = changes.pop("model", None) or mlp(6, 16, 3)
    given: dict[str, Any] = {
        "model": model,
        "loss_fn": F.cross_entropy,
        "train_batches": batches(*blobs()),
        "val_batches": batches(*blobs(seed=1)),
        "optimizer": torch.optim.Adam(
            [p for p in model.parameters() if p.requires_grad] or [torch.zeros(1)], lr=1e-2
        ),
    }
    return given | changes


def found(report: Report, *severities: str) -> set[str]:
    """Names of the checks with findings of these severities; errors and warnings by default."""
    return {f.check for f in report.findings if f.severity in (severities or ("error", "warning"))}


def alarms(**changes: Any) -> set[str]:
    """Checks that find an error or a warning in a changed script."""
    report = diagnose(**script(**changes))
    broken = [f.message for f in report.findings if "the check ended with" in f.message]
    assert broken == []
    return found(report)


def subject(**changes: Any) -> Subject:
    """A subject as `diagnose` makes it."""
    given = script(**changes)
    return Subject(
        given["model"],
        given["loss_fn"],
        given["train_batches"],
        given.get("val_batches") or (),
        optimizer=given["optimizer"],
        own_step=given.get("step"),
    )


def loader(**options: Any) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(TensorDataset(*blobs()), batch_size=30, shuffle=True, **options)
