"""The lecture's baselines: zero inputs, shuffled labels, no training, and a few rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from course_utils.diagnose.batches import Path, map_tensors
from course_utils.diagnose.constant import best_constant
from course_utils.diagnose.learning import better_rate, finished, learns, was_trained
from course_utils.diagnose.probe import Probe, probe
from course_utils.diagnose.report import Finding
from course_utils.diagnose.significance import lower
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import Run, run

NAME = "baselines"
EASY = 0.3  # explained variance above which a network should learn something, too


def check_zero_input(subject: Subject) -> Iterator[Finding]:
    """Outputs must depend on inputs: a network fed zeros is a constant at best."""
    outputs = subject.output(subject.head(64))
    if len(outputs) < 2:
        raise Skip("needs at least 2 rows in a batch")
    if bool((outputs == outputs[:1]).all()) and not learns(subject):
        yield Finding(
            "zero_input",
            "error",
            f"all {len(outputs)} rows get the same output, before training and after it",
            {"rows": float(len(outputs))},
            advice="look for dead units, weights that are all zero, and inputs overwritten",
        )


def check_shuffled_input(subject: Subject) -> Iterator[Finding]:
    """A kernel model, or else the network, must learn labels better than shuffled ones."""
    found = probe(subject)
    if found.z < 3 and not _beats_shuffled(subject):
        yield Finding(
            "shuffled_input",
            "warning" if found.rows >= 200 else "note",
            f"labels of {found.rows} rows fit their inputs no better than shuffled labels do",
            {"z": found.z, "explained_variance": found.explained, "rows": float(found.rows)},
            advice="look at 20 rows with their labels; shuffle inputs and labels together",
        )


def _beats_shuffled(subject: Subject) -> bool:
    """Whether the loss of the network falls further than with shuffled labels."""
    if subject.error:
        return False
    real, shuffled = run(subject), run(_shuffled(subject))
    gains = [done.before - done.after for done in (real, shuffled)]
    return not real.error and lower(-gains[0], -gains[1])


def _shuffled(subject: Subject) -> Subject:
    """The same rows with the targets of others."""
    order = torch.randperm(len(subject.targets)).to(subject.targets.device)
    sizes = [subject.rows(batch) for batch in subject.train]
    parts = torch.split(subject.targets[order], sizes)
    train = [
        map_tensors(batch, partial(_replaced, subject.target(batch), part))
        for batch, part in zip(subject.train, parts, strict=True)
    ]
    return dataclasses.replace(subject, train=train, shared={})


def _replaced(old: Tensor, new: Tensor, _: Path, tensor: Tensor) -> Tensor:
    return new if tensor is old else tensor


def check_baselines(subject: Subject) -> Iterator[Finding]:
    """A short training must beat the untrained network and the best constant answer."""
    done = finished(subject)
    after, before, steps = float(done.after.mean()), float(done.before.mean()), len(done.losses)
    constant = best_constant(subject)
    evidence = {"before": before, "after": after, "best_constant": constant}
    if not math.isfinite(after):
        yield Finding(
            NAME,
            "error",
            f"the loss is {after} after {steps} steps",
            evidence,
            advice="lower the learning rate, normalize inputs, clip gradients",
        )
    elif was_trained(subject) or learns(subject):
        return
    elif lower(done.before, done.after) and after > before + 0.1 * abs(before):
        yield Finding(
            NAME,
            "warning",
            f"the loss rises from {before:.3g} to {after:.3g} in {steps} steps",
            evidence,
            advice="lower the learning rate; check the sign of the loss",
        )
    else:
        yield _no_better(subject, done, evidence)


def _no_better(subject: Subject, done: Run, evidence: dict[str, float]) -> Finding:
    """A warning if the loss stands still on data that a kernel model finds easy, at any rate."""
    easy = _probe(subject)
    still = not lower(done.after, done.before)
    serious = still and easy is not None and easy.explained > EASY and better_rate(subject) is None
    return Finding(
        NAME,
        "warning" if serious else "note",
        f"after {len(done.losses)} steps the loss is {evidence['after']:.3g}; a constant answer "
        f"has {evidence['best_constant']:.3g}",
        {**evidence, "explained_by_a_kernel": easy.explained if easy else math.nan},
        advice="see one_batch, gradients, updates and learning_rate; then give it more steps",
    )


def _probe(subject: Subject) -> Probe | None:
    try:
        return probe(subject)
    except Skip:
        return None
