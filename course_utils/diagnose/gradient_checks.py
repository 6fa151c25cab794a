"""Gradients and updates, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import Run, main_run


def finished(subject: Subject) -> Run:
    """The main run; skips the check if the script raised in it."""
    seen = main_run(subject)
    if seen.error:
        raise Skip(f"the run raised {seen.error}")
    return seen


def check_gradients(subject: Subject) -> Iterator[Finding]:
    """Gradients that are not finite, never there, or differ by many orders of magnitude."""
    seen = finished(subject)
    weights = {n: p for n, p in subject.model.named_parameters() if p.dim() > 1 and p.requires_grad}
    bad = [name for name, norm in seen.gradients.items() if not math.isfinite(norm)]
    if bad:
        yield Finding(
            "gradients",
            "error",
            f"gradients of {len(bad)} parameters are NaN or infinite",
            {"parameters": bad},
            advice="lower the learning rate; look for log(0), sqrt(0) and division by 0",
        )
        return
    zero = [n for n in weights if seen.gradients.get(n, math.nan) == 0]
    if zero:
        yield Finding(
            "gradients",
            "error",
            f"the gradient of {len(zero)} of {len(weights)} weights is zero in all "
            f"{seen.updates} updates",
            {"parameters": zero},
            advice="look for units that are all dead, and for weights that all start at zero",
        )
        return
    ratio = {
        n: seen.gradients[n] / seen.updates / float(p.detach().norm())
        for n, p in weights.items()
        if n in seen.gradients and float(p.detach().norm()) > 0
    }
    if len(ratio) < 2:
        return
    low, high = min(ratio, key=ratio.__getitem__), max(ratio, key=ratio.__getitem__)
    spread = ratio[high] / ratio[low]
    if spread > 1e4:
        yield Finding(
            "gradients",
            "warning" if spread > 1e6 else "note",
            f"gradients relative to weights differ by a factor of {spread:.1g} between layers",
            {"smallest": ratio[low], "at": low, "largest": ratio[high], "and_at": high},
            advice="initialize for the activation (He, Xavier), normalize, or add skip connections",
        )


def check_updates(subject: Subject) -> Iterator[Finding]:
    """Does each step change the weights, downhill, and by a small part of them?"""
    if subject.optimizer is None:
        raise Skip("needs optimizer")
    seen = main_run(subject)
    if seen.error:
        yield Finding(
            "updates",
            "error",
            f"training stopped at step {len(seen.losses) + 1}: {seen.error}",
            {"steps": float(len(seen.losses))},
            advice="see the message; a graph used twice needs a loss that is detached when summed",
        )
        return
    if not seen.updates:
        yield Finding(
            "updates",
            "error",
            f"optimizer.step() was not called in {len(seen.losses)} steps",
            {"steps": float(len(seen.losses))},
            advice="call optimizer.step() after backward()",
        )
        return
    held = {id(p) for g in subject.optimizer.param_groups for p in g["params"]}
    still = [
        name
        for name, p in subject.model.named_parameters()
        if id(p) in held and seen.moved[name] == 0 and seen.gradients.get(name, 0.0) > 0
    ]
    if still:
        yield Finding(
            "updates",
            "error",
            f"{len(still)} parameters get a gradient and do not change in {seen.updates} updates",
            {"parameters": still},
            advice="look at the learning rate of their group",
        )
    if seen.slopes and min(seen.slopes) > 0:
        yield Finding(
            "updates",
            "error",
            f"each of the first {len(seen.slopes)} updates goes uphill on its own gradient",
            {"gradient_times_change": seen.slopes},
            advice="look for maximize=True, a negative learning rate and a wrong sign",
        )
