"""The one call: `diagnose`."""

from __future__ import annotations

import dataclasses
import sys
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_utils.arguments import check_counts
from course_utils.diagnose.batches import Batch
from course_utils.diagnose.checks import CHECKS, Check
from course_utils.diagnose.report import SEVERITIES, Finding, Report
from course_utils.diagnose.subject import Skip, Step, Subject, read
from course_utils.unchanged import unchanged

PATIENCE = 5.0  # seconds without a word


def diagnose(
    model: nn.Module,
    loss_fn: Callable[[Any, Any], Tensor],
    train_batches: Iterable[Batch],
    *,
    optimizer: Optimizer | None = None,
    val_batches: Iterable[Batch] | None = None,
    test_batches: Iterable[Batch] | None = None,
    step: Step | None = None,
    forward: Callable[[Batch], Any] | None = None,
    target: Callable[[Batch], Any] | None = None,
    build: Callable[[], tuple[nn.Module, Optimizer]] | None = None,
    steps: int = 64,
    max_rows: int = 1000,
    seed: int = 0,
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
) -> Report:
    """Go through the checklist of debugging, and report what looks wrong.

    Afterwards all is as before, bit for bit, also if the script raises: parameters with their
    gradients, buffers, modes, the optimizer's state, random states, generators of loaders.
    What raises inside a check becomes a finding; `diagnose` itself raises for its arguments only.

    Args:
        model: any module.
        loss_fn: loss_fn(output, target), a scalar.
        train_batches: (inputs, targets) or dicts with "labels", as a DataLoader or list.
        optimizer: the one to train with; without it, checks of updates and rates are skipped.
        val_batches: held-out batches; so are `test_batches`.
        step: step(model, batch, optimizer) as your loop has it, to find its bugs; returns the loss.
        forward: output of a batch, where model(x) or model(**rest) will not do.
        target: target of a batch, where it is not the second or the entry "labels".
        build: () -> (model, optimizer), to see whether two runs are equal.
        steps: length of the short training run.
        max_rows: how many rows of a split to read.
        seed: of all that is drawn here.
        only: names of the checks to run; default all in `CHECKS`.
        skip: names of the checks to leave out.

    Raises:
        TypeError: if an argument is of another type; an iterator would be used up by this.
        ValueError: if there is no batch, a name is unknown, or a number is below 1.
    """
    chosen = _chosen(only, skip)
    check_counts(steps=steps, max_rows=max_rows)
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    if not callable(loss_fn):
        raise TypeError(f"loss_fn must be callable, got {type(loss_fn).__name__}")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be a torch.optim.Optimizer, got {type(optimizer).__name__}"
        )
    splits = {"train": train_batches, "val": val_batches, "test": test_batches}
    for name, batches in splits.items():
        _check_batches(f"{name}_batches", batches)
    subject = Subject(
        model, loss_fn, (), (), (), optimizer, step, forward, target, build, steps=steps, seed=seed
    )
    with unchanged(*subject.everything(), *splits.values()), torch.enable_grad():
        subject.seeded()
        _read(subject, splits, max_rows)
        return _report(subject, chosen)


def _chosen(only: Collection[str] | None, skip: Collection[str]) -> dict[Check, bool]:
    names = [check.name for check in CHECKS]
    for argument, given in (("only", only or ()), ("skip", skip)):
        if isinstance(given, str):
            raise TypeError(f"{argument} must be a collection of names, got {given!r}")
        for name in given:
            if name not in names:
                raise ValueError(f"{argument} must hold names of {names}, got {name!r}")
    return {c: (only is None or c.name in only) and c.name not in skip for c in CHECKS}


def _check_batches(name: str, batches: object) -> None:
    if isinstance(batches, Iterator):
        raise TypeError(
            f"{name} must start again each time, as a list or a DataLoader does; an iterator, got "
            f"{type(batches).__name__}, would be used up"
        )
    if not isinstance(batches, Iterable | None):
        raise TypeError(f"{name} must be a DataLoader or a list, got {type(batches).__name__}")


def _read(subject: Subject, splits: dict[str, Iterable[Batch] | None], max_rows: int) -> None:
    device = next((p.device for p in subject.model.parameters()), torch.device("cpu"))
    for name, batches in splits.items():
        if batches is not None:
            found = read(batches, device, max_rows, lambda batch: _rows(subject, batch))
            if not found:
                raise ValueError(f"{name}_batches must hold at least one batch, got none")
            setattr(subject, name, found)


def _rows(subject: Subject, batch: Batch) -> int:
    try:
        return subject.rows(batch)
    except Skip:
        return 1


def _report(subject: Subject, chosen: dict[Check, bool]) -> Report:
    findings: list[Finding] = []
    passed: list[str] = []
    skipped: dict[str, str] = {}
    start = time.monotonic()
    for check, wanted in chosen.items():
        if not wanted:
            continue
        if time.monotonic() - start > PATIENCE:
            print(f"diagnose: {check.name}", file=sys.stderr)
        found, reason = _run(check, subject)
        findings += found
        if reason:
            skipped[check.name] = reason
        elif not found:
            passed.append(check.name)
    findings.sort(key=lambda f: SEVERITIES.index(f.severity))
    return Report(findings, passed, skipped)


def _run(check: Check, subject: Subject) -> tuple[list[Finding], str]:
    """Findings of a check, and why it was skipped; everything is as before afterwards."""
    found: list[Finding] = []
    # A copy: what a check changes in it, the next one does not see; `shared` is one for all.
    own = dataclasses.replace(subject)
    try:
        with unchanged(*subject.everything()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            subject.seeded()
            for finding in check.function(own):
                found.append(dataclasses.replace(finding, heuristic=check.heuristic))
    except Skip as reason:
        return found, "" if found else str(reason)
    except Exception as error:
        message = f"the check ended with {type(error).__name__}: {error}"
        found.append(Finding(check.name, "note", message, heuristic=check.heuristic))
    return found, ""
