"""Read the batches, run the checks, and collect what they find."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from course_utils.diagnose.batches import Batch, move
from course_utils.diagnose.checks import Check
from course_utils.diagnose.held import untouched
from course_utils.diagnose.probe import features, row_keys
from course_utils.diagnose.report import SEVERITIES, Finding, Report
from course_utils.diagnose.subject import Skip, Subject


def read_splits(
    subject: Subject, splits: Mapping[str, Iterable[Batch] | None], max_rows: int
) -> None:
    """Give the subject its batches; ValueError for a split without any."""
    for name, batches in splits.items():
        if batches is not None:
            found = _read(subject, batches, max_rows)
            if not found:
                raise ValueError(f"{name}_batches must hold at least one batch, got none")
            setattr(subject, name, found)

    def augmented() -> bool:
        """Whether no train row is the same when they are read once more."""
        subject.seeded(offset=1)
        again = _read(subject, splits["train"] or (), max_rows)
        first, second = (set(row_keys(features(subject, b))) for b in (subject.train, again))
        return not first & second

    subject.augmented = augmented


def _read(subject: Subject, batches: Iterable[Batch], max_rows: int) -> list[Batch]:
    """Batches of at least `max_rows` rows together, or all, on the device of the model."""
    device = next((p.device for p in subject.model.parameters()), torch.device("cpu"))
    found: list[Batch] = []
    count = 0
    for batch in batches:
        found.append(move(batch, device))
        count += _rows(subject, found[-1])
        if count >= max_rows:
            break
    return found


def _rows(subject: Subject, batch: Batch) -> int:
    try:
        return subject.rows(batch)
    except Skip:  # rows that cannot be counted: a batch counts as one
        return 1


def first_error(subject: Subject) -> str:
    """What the first batch raises, or what is wrong with its loss; empty if nothing is."""
    with untouched(*subject.everything()):
        subject.model.train()
        try:
            loss = subject.loss(subject.train[0])
        except Exception as error:
            return f"raises {type(error).__name__}: {error}"
    if not isinstance(loss, Tensor):
        return f"is no tensor but {type(loss).__name__}"
    return "" if loss.dim() == 0 else f"is no scalar: its shape is {list(loss.shape)}"


def run_checks(
    subject: Subject, checks: Sequence[Check], progress: Callable[[str], object] | None
) -> Report:
    """Run checks one after the other; each finds all as it was."""
    findings: list[Finding] = []
    passed: list[str] = []
    skipped: dict[str, str] = {}
    for check in checks:
        if progress is not None:
            progress(check.name)
        try:
            found = _run(check, subject)
        except Skip as reason:
            skipped[check.name] = str(reason)
            continue
        subject.error_found |= any(f.severity == "error" for f in found)
        findings += [dataclasses.replace(f, heuristic=check.heuristic) for f in found]
        if not found:
            passed.append(check.name)
    findings.sort(key=lambda f: SEVERITIES.index(f.severity))
    return Report(findings, passed, skipped)


def _run(check: Check, subject: Subject) -> list[Finding]:
    """Findings of a check; raises Skip if it has none and cannot go on."""
    if subject.error and check.name == "loss":
        advice = "run the model and the loss on one batch by hand, and print all shapes"
        message = f"the loss of the first batch {subject.error}"
        return [Finding("loss", "error", message, advice=advice)]
    if subject.error and not check.of_data:
        raise Skip("the loss of the first batch cannot be computed")
    found: list[Finding] = []
    # A copy: what a check sets in it, the next one does not see; `shared` is one for all.
    own = dataclasses.replace(subject)
    try:
        with untouched(*subject.everything()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            subject.seeded()
            for finding in check.function(own):
                found.append(finding)  # one by one: those before an exception are kept
    except Skip:
        if not found:
            raise
    except Exception as error:  # a check must not end the report
        message = f"the check ended with {type(error).__name__}: {error}"
        found.append(Finding(check.name, "note", message))
    return found
