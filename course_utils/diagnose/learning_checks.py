"""Does it learn? The lecture's baselines, on one short run, and why it does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn

from course_utils.diagnose.constant import constant_losses, constant_output_losses
from course_utils.diagnose.gradient_checks import finished
from course_utils.diagnose.probe import probe
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import Run, main_run, paired_p, run

ALPHA = 0.01


def learned(subject: Subject, seen: Run) -> bool:
    """Whether the losses of the train batches are below those of the best constant."""
    return paired_p(constant_losses(subject) - seen.after) < ALPHA


def progress(subject: Subject, seen: Run) -> float:
    """How far below the best constant a run came, in units of its loss."""
    return float((constant_losses(subject) - seen.after).mean())


def check_zero_input(subject: Subject) -> Iterator[Finding]:
    """Outputs must depend on inputs; a network that is fed zeros is the best constant at most."""
    batch = subject.head(64)
    if subject.rows(batch) < 2:
        raise Skip("needs at least 2 rows in a batch")
    for module in subject.model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    outputs = subject.output(batch)
    if bool((outputs == outputs[:1]).all()):
        after = main_run(subject)
        if after.error or not learned(subject, after):
            yield Finding(
                "zero_input",
                "error",
                "all rows get the same output: inputs play no role",
                {"rows": float(len(outputs))},
                advice="look for dead units, weights that are all zero, and inputs overwritten",
            )


def check_shuffled_input(subject: Subject) -> Iterator[Finding]:
    """Labels must agree with their inputs better than shuffled ones do."""
    found = probe(subject)
    evidence = {"rows": float(found.rows), "explained_variance": found.explained, "z": found.z}
    if found.z > 3:
        return
    yield Finding(
        "shuffled_input",
        "warning" if found.rows >= 200 and found.z < 2.5 else "note",
        f"labels of {found.rows} rows fit their inputs no better than shuffled labels do",
        evidence,
        advice="look at 20 rows with their labels; check that both are shuffled together",
    )


def check_baselines(subject: Subject) -> Iterator[Finding]:
    """Training must beat the untrained network and the best constant."""
    seen = finished(subject)
    start, end = float(seen.before.mean()), float(seen.after.mean())
    constant = float(constant_losses(subject).mean())
    evidence = {
        "before": start,
        "after": end,
        "best_constant": constant,
        "steps": float(len(seen.losses)),
    }
    if not math.isfinite(end):
        yield Finding(
            "baselines",
            "error",
            f"the loss is {end} after {len(seen.losses)} steps",
            evidence,
            advice="lower the learning rate, normalize inputs, clip gradients",
        )
    elif learned(subject, seen):
        yield from _linear(subject, seen)
    elif start < constant:
        return  # trained before: there may be nothing left to learn
    elif paired_p(seen.after - seen.before) < ALPHA:
        yield Finding(
            "baselines",
            "warning",
            f"the loss rises from {start:.3g} to {end:.3g} in {len(seen.losses)} steps",
            evidence,
            advice="lower the learning rate; check the sign of the loss",
        )
    else:
        yield from _not_learned(subject, seen, evidence)


def _not_learned(subject: Subject, seen: Run, evidence: dict[str, float]) -> Iterator[Finding]:
    """A warning if data that a kernel predicts leave all variants of the run at a constant."""
    try:
        easy = probe(subject).explained > 0.3
    except Skip:
        easy = False
    variants = [partial(run, lr_factor=f) for f in (1e-2, 1e2, 1e4)] if subject.optimizer else []
    helps = any(learned(subject, variant(subject)) for variant in variants)
    yield Finding(
        "baselines",
        "warning" if easy and not helps else "note",
        f"after {len(seen.losses)} steps the loss of {evidence['after']:.3g} is not below that of a "
        f"constant answer, {evidence['best_constant']:.3g}",
        dict(evidence),
        advice="give it more steps, then see gradients, updates, learning_rate and one_batch",
    )


def _linear(subject: Subject, seen: Run) -> Iterator[Finding]:
    """Nothing for now but a place: a short run is no fair contest with a fitted linear model."""
    return iter(())


def check_one_batch(subject: Subject) -> Iterator[Finding]:
    """A few rows must be learned by heart, with dropout and decay off."""
    few = few_rows(subject)
    subject.train = [few]
    subject.shared = {}
    constant = float(constant_losses(subject).mean())
    best, start = math.inf, float("nan")
    for lr in (1e-2, 1e-3, 1e-1):
        losses = memorize(subject, lr)
        start = losses[0]
        best = min(best, *losses)
        if best < 0.3 * constant or best < constant - 1.0:
            return
    severity = "warning" if best > 0.9 * constant else "note"
    yield Finding(
        "one_batch",
        severity,
        f"{subject.rows(few)} rows cannot be learned by heart: the loss stays at {best:.3g}, a "
        f"constant answer has {constant:.3g}",
        {"start": start, "best": best, "best_constant": constant},
        advice="look for an activation after the last layer, frozen or dead layers and detach",
    )


def few_rows(subject: Subject) -> object:
    """Up to 4 rows with different inputs, of different labels if there are any."""
    batch = subject.train[0]
    rows = subject.rows(batch)
    inputs = [t.reshape(rows, -1) for t in subject.inputs(batch).values() if len(t) == rows]
    target = subject.target(batch).reshape(rows, -1)
    chosen: list[int] = []
    for fresh_label in (True, False):
        for i in range(rows):
            new = all(any(not torch.equal(x[i], x[j]) for x in inputs) for j in chosen)
            label = all(not torch.equal(target[i], target[j]) for j in chosen)
            if len(chosen) < 4 and i not in chosen and new and (label or not fresh_label):
                chosen.append(i)
    if len(chosen) < 2 or len(torch.unique(target[chosen], dim=0)) < 2:
        raise Skip("needs 2 rows with different inputs and labels in the first batch")
    return subject.take(batch, chosen)


def memorize(subject: Subject, lr: float, steps: int = 50) -> list[float]:
    """Losses of Adam on the first batch alone, from the weights as they are."""
    from course_utils.unchanged import unchanged

    with unchanged(*subject.everything()), torch.enable_grad():
        subject.seeded()
        subject.quiet()
        parameters = [p for p in subject.model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(parameters, lr=lr)
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = subject.loss(subject.train[0])
            losses.append(float(loss))
            if not math.isfinite(losses[-1]) or losses[-1] < 0.01 * losses[0]:
                break
            torch.autograd.backward(loss)
            optimizer.step()
    return losses


def check_learning_rate(subject: Subject) -> Iterator[Finding]:
    """When the run fails: does it learn with another rate, or without what holds it back?"""
    if subject.optimizer is None:
        raise Skip("needs optimizer")
    seen = main_run(subject)
    if seen.error:
        raise Skip(f"the run raised {seen.error}")
    first, last = seen.lrs
    if max(last) < 1e-3 * max(first):
        yield Finding(
            "learning_rate",
            "warning",
            f"the learning rate fell from {max(first):.2g} to {max(last):.2g} in {len(seen.losses)} steps",
            {"first": max(first), "last": max(last)},
            advice="step a schedule that counts epochs once an epoch, not once a batch",
        )
    if learned(subject, seen) or float(seen.before.mean()) < float(constant_losses(subject).mean()):
        yield from _held_back(subject, seen)
        return
    for factor, word in ((1e-2, "large"), (1e-4, "large"), (1e2, "small"), (1e4, "small")):
        other = run(subject, lr_factor=factor)
        if not other.error and learned(subject, other):
            yield Finding(
                "learning_rate",
                "note" if factor == 1e2 else "warning",
                f"the learning rate is too {word}: with {factor:g} times {max(first):.2g} the loss "
                f"reaches {float(other.after.mean()):.3g} instead of {float(seen.after.mean()):.3g}",
                {
                    "rate": max(first),
                    "factor": factor,
                    "after": float(seen.after.mean()),
                    "after_with_factor": float(other.after.mean()),
                },
                advice="search the rate with lr_find, then by factors of 3",
            )
            return
    yield from _held_back(subject, seen)


def _held_back(subject: Subject, seen: Run) -> Iterator[Finding]:
    """Weight decay, dropout or the reader's own step: what costs most of the progress?"""
    reached = progress(subject, seen)
    variants: dict[str, Callable[[Subject], Run]] = {}
    if subject.optimizer and any(
        g.get("weight_decay", 0) >= 0.03 for g in subject.optimizer.param_groups
    ):
        variants["weight decay"] = partial(run, decay=False)
    if any(
        isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0.5 for m in subject.model.modules()
    ):
        variants["dropout"] = partial(run, dropout=False)
    if subject.own_step is not None and not learned(subject, seen):
        variants["the step function"] = partial(run, plain=True)
    for name, variant in variants.items():
        other = variant(subject)
        if other.error or not learned(subject, other):
            continue
        gain = progress(subject, other)
        if reached < 0.5 * gain:
            yield Finding(
                "learning_rate",
                "warning",
                f"{name} holds training back: without it {len(seen.losses)} steps reach "
                f"{float(other.after.mean()):.3g} instead of {float(seen.after.mean()):.3g}",
                {"after": float(seen.after.mean()), "after_without": float(other.after.mean())},
                advice="start without regularization, and compare the step with the usual four lines",
            )
