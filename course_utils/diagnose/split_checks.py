"""Checks of train against val and test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from scipy.special import ndtri
from torch import Tensor

from course_utils.diagnose.batches import Batch
from course_utils.diagnose.probe import Features, features, row_keys
from course_utils.diagnose.report import Finding
from course_utils.diagnose.split_rule import check_rule
from course_utils.diagnose.subject import Skip, Subject, joined


def check_splits(subject: Subject) -> Iterator[Finding]:
    """Leaked rows, inputs of other moments, other labels, another rule."""
    if not subject.val and not subject.test:
        raise Skip("needs val_batches or test_batches")
    x = features(subject, subject.train)
    resampled = copies(x) > 0.05
    for name, batches in (("val", subject.val), ("test", subject.test)):
        if not batches:
            continue
        other = features(subject, batches)
        if any(a.shape[1] != b.shape[1] for a, b in zip(x, other, strict=True)):
            raise Skip(f"inputs of train and {name} differ in shape")
        yield from _leaks(x, other, f"{name} rows", "train")
        yield from _moments(subject, x[0], other[0], name, resampled)
        yield from _labels(subject, batches, name, resampled)
        yield from check_rule(subject, batches, other, name)
    if subject.val and subject.test:
        yield from _leaks(
            features(subject, subject.val), features(subject, subject.test), "test rows", "val"
        )


def _leaks(x: Features, other: Features, name: str, where: str) -> Iterator[Finding]:
    """Rows that occur in both, compared with what occurs twice within the first."""
    ours, theirs = row_keys(x), row_keys(other)
    known = set(ours)
    found = sum(key in known for key in theirs)
    twice = 1 - len(known) / len(ours)
    expected = twice + 3 * ((twice * (1 - twice) + 1 / len(theirs)) / len(theirs)) ** 0.5
    share = found / len(theirs)
    if found and share > expected + 0.01:
        yield Finding(
            "splits",
            "error" if share > 0.1 else "warning",
            f"{found} of {len(theirs)} {name} are in {where}, too",
            {"share": share, f"share_of_copies_within_{where}": twice},
            advice="split first, then augment or repeat; keep copies of a row in one split",
        )
    elif found:
        yield Finding(
            "splits",
            "note",
            f"{found} of {len(theirs)} {name} are in {where}, too, as rare as copies in {where}",
            {"share": share, f"share_of_copies_within_{where}": twice},
            advice="remove equal rows before the split, if a row stands for one example",
        )


def _moments(
    subject: Subject, x: Tensor, other: Tensor, name: str, resampled: bool
) -> Iterator[Finding]:
    """Means and variances by feature; sizes are in pooled standard deviations.

    A note where they must differ: with augmented rows, and with classes that were balanced.
    """
    if not x.shape[1] or min(len(x), len(other)) < 20:
        return
    if not torch.isfinite(other).all():
        yield Finding("splits", "error", f"{name} inputs hold NaN or infinite values")
        return
    largest = float(other.abs().max()), float(x.abs().max())
    if largest[0] > 100 * largest[1]:
        yield Finding(
            "splits",
            "warning",
            f"the largest {name} input is {largest[0]:.3g}, that of train is {largest[1]:.3g}",
            {"largest": largest[0], "largest_in_train": largest[1]},
            advice="do not divide by a standard deviation near 0: add a real epsilon",
        )
    center = torch.cat([x, other]).mean(0)
    squares = [(part - center).square() for part in (x, other)]
    found = {"means": _difference(x, other), "spreads": _difference(*squares)}
    what = max(found, key=lambda key: found[key].size)
    shift = found[what]
    if shift.features and (shift.size > 0.25 or shift.largest > 1):
        serious = shift.size > 0.4 or shift.largest > 1
        yield Finding(
            "splits",
            "warning" if serious and not (resampled or subject.augmented()) else "note",
            f"{what} of {shift.features} of {x.shape[1]} features differ between train and {name}, "
            f"by up to {shift.largest:.2g} standard deviations",
            {"root_mean_square_difference": shift.size, "largest_difference": shift.largest},
            advice="give all splits the same preprocessing, with the numbers of train",
        )


class Shift(NamedTuple):
    """How many features differ beyond chance, and by how many pooled standard deviations."""

    features: int
    size: float
    largest: float


def _difference(x: Tensor, other: Tensor) -> Shift:
    """Differences of means [d] by z-tests at 1e-6 over all features.

    Pooled over both, as a permutation test does: a value seen once cannot make z large.
    """
    std = torch.cat([x, other]).std(0).clamp(min=1e-300)
    d = (other.mean(0) - x.mean(0)) / std
    chance = 1 / len(x) + 1 / len(other)
    limit = -float(ndtri(1e-6 / (4 * x.shape[1])))
    size = (d.square() - chance).mean().clamp(min=0).sqrt()
    far = d.abs() > limit * chance**0.5
    return Shift(int(far.sum()), float(size), float(d.abs().max()))


def copies(x: Features) -> float:
    """Share of rows that are copies of others."""
    keys = row_keys(x)
    return 1 - len(set(keys)) / len(keys)


def _labels(
    subject: Subject, batches: Sequence[Batch], name: str, resampled: bool
) -> Iterator[Finding]:
    """Shares of classes: the total variation distance, against its size by chance.

    A note if train is `resampled`, which is done to balance it.
    """
    if subject.task not in ("classes", "binary"):
        return
    y, other = (
        part.flatten().long()
        for part in (subject.targets, joined([subject.target(batch) for batch in batches]))
    )
    y, other = y[y >= 0], other[other >= 0]
    size = int(max(y.max(), other.max())) + 1
    shares = [torch.bincount(part, minlength=size).double() / len(part) for part in (y, other)]
    distance = float((shares[0] - shares[1]).abs().sum() / 2)
    pooled = torch.bincount(torch.cat([y, other]), minlength=size).double()
    pooled /= pooled.sum()
    chance = (pooled * (1 - pooled) * (1 / len(y) + 1 / len(other))).sqrt().sum() / 2
    if distance > 0.15 and distance > 5 * float(chance):
        yield Finding(
            "splits",
            "note" if resampled else "warning",
            f"classes are distributed in another way in {name} than in train",
            {
                "total_variation": distance,
                "by_chance": float(chance),
                "only_in_" + name: ((shares[0] == 0) & (shares[1] > 0))
                .nonzero()
                .flatten()
                .tolist(),
            },
            advice="shuffle before the split, or stratify it by class",
        )
