"""Gradients and updates, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from course_utils.diagnose.learning import finished
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Skip, Subject
from course_utils.diagnose.training import run


def check_gradients(subject: Subject) -> Iterator[Finding]:
    """Gradients that are not finite, never there, or differ by many orders of magnitude."""
    done = finished(subject)
    parameters = dict(subject.model.named_parameters())
    weights = {n: p for n, p in parameters.items() if p.dim() > 1 and p.requires_grad}
    bad = [name for name, norm in done.seen.norms.items() if not math.isfinite(norm)]
    if bad:
        yield Finding(
            "gradients",
            "error",
            f"gradients of {len(bad)} parameters are NaN or infinite",
            {"parameters": bad},
            advice="lower the learning rate; look for log(0), sqrt(0) and division by 0",
        )
        return
    zero = [n for n in weights if done.seen.norms.get(n, math.nan) == 0]
    if zero:
        yield Finding(
            "gradients",
            "error",
            f"the gradient of {len(zero)} of {len(weights)} weights is zero in all "
            f"{done.seen.updates} updates",
            {"parameters": zero},
            advice="look for units that are all dead, and for weights that all start at zero",
        )
        return
    sizes = {
        name: norm / done.seen.updates / parameters[name].numel() ** 0.5
        for name, norm in done.seen.norms.items()
        if norm > 0
    }
    if not sizes.keys() & weights.keys():
        return
    low = min(sizes.keys() & weights.keys(), key=sizes.__getitem__)
    high = max(sizes, key=sizes.__getitem__)
    spread = sizes[high] / sizes[low]
    if spread > 1e4:
        yield Finding(
            "gradients",
            "warning" if spread > 1e6 else "note",
            f"gradients differ by a factor of {spread:.1g} between parameters, all through the run",
            {"smallest": sizes[low], "at": low, "largest": sizes[high], "and_at": high},
            advice="initialize for the activation (He, Xavier), normalize, or add skip connections",
        )


def check_updates(subject: Subject) -> Iterator[Finding]:
    """Does each step change the weights, downhill, and by a small part of them?"""
    if subject.optimizer is None:
        raise Skip("needs optimizer")
    done = run(subject)
    if done.error:
        yield Finding(
            "updates",
            "error",
            f"training stopped at step {len(done.losses) + 1}: {done.error}",
            {"steps": float(len(done.losses))},
            advice="see the message; a graph used twice needs a loss that is detached when summed",
        )
        return
    if not done.seen.updates:
        yield Finding(
            "updates",
            "error",
            f"optimizer.step() was not called in {len(done.losses)} steps",
            {"steps": float(len(done.losses))},
            advice="call optimizer.step() after backward()",
        )
        return
    held = {id(p) for g in subject.optimizer.param_groups for p in g["params"]}
    still = [
        name
        for name, p in subject.model.named_parameters()
        if id(p) in held and done.moved[name] == 0 and done.seen.norms.get(name, 0.0) > 0
    ]
    if still:
        yield Finding(
            "updates",
            "error",
            f"{len(still)} parameters get a gradient and do not change in {done.seen.updates} "
            "updates",
            {"parameters": still},
            advice="look at the learning rate of their group",
        )
    if done.seen.slopes and min(done.seen.slopes) > 0:
        yield Finding(
            "updates",
            "error",
            f"each of the first {len(done.seen.slopes)} updates goes uphill on its own gradient",
            {"gradient_times_change": done.seen.slopes},
            advice="look for maximize=True, a negative learning rate and a wrong sign",
        )
