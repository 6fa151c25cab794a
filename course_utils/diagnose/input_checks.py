"""Checks of inputs: not finite, constant, copied, of an unusual size."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from course_utils.diagnose.first_layer import first_layer_input
from course_utils.diagnose.probe import features, row_keys
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Subject

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
            advice="drop them, or look whether the loop that fills the array reaches its end",
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
