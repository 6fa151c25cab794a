"""Units that are dead, saturated, equal or without a nonlinearity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Subject

RELU = {"relu", "relu_", "threshold", "clamp_min", "clamp_min_"}
SQUASH = {"sigmoid": (0.0, 1.0), "sigmoid_": (0.0, 1.0), "tanh": (-1.0, 1.0), "tanh_": (-1.0, 1.0)}


class Watch(TorchDispatchMode):
    """Keeps what ReLU, sigmoid and tanh return, whether called as layers or as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, Tensor]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Call the operation, and keep its result if it is one of those."""
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if (name in RELU or name in SQUASH) and isinstance(out, Tensor) and out.dim() > 1:
            self.seen.append((name.rstrip("_"), out.detach().clone()))
        return out


def check_activations(subject: Subject) -> Iterator[Finding]:
    """Shares of dead and of saturated units at the start, and whether the network is linear."""
    batch = subject.train[0]
    subject.quiet()
    watch = Watch()
    with torch.no_grad(), watch:
        output = subject.forward(batch)
    for number, (name, out) in enumerate(watch.seen, start=1):
        if isinstance(output, Tensor) and out.shape == output.shape and torch.equal(out, output):
            continue  # the last layer is the business of softmax_before_loss
        yield from (_dead if name in RELU else _saturated)(number, name, out)
    yield from _symmetric(subject)


def _dead(number: int, name: str, out: Tensor) -> Iterator[Finding]:
    units = (out <= 0).transpose(0, 1).flatten(1).all(1)
    share = float(units.double().mean())
    if share > 0.5 and len(out) >= 8 and len(units) >= 4:
        yield Finding(
            "activations",
            "error" if share == 1 else "warning",
            f"{int(units.sum())} of {len(units)} units of activation {number} ({name}) are zero "
            f"for all {len(out)} rows",
            {"share_of_dead_units": share},
            advice="start biases at 0, lower the rate, use He's initialization or a leaky ReLU",
        )


def _saturated(number: int, name: str, out: Tensor) -> Iterator[Finding]:
    low, high = SQUASH[name]
    # Where the slope is below 1 % of its largest: tanh' = 1 - t^2, sigmoid' = s (1 - s).
    t = (2 * out - low - high) / (high - low)
    share = float((1 - t.square() < 0.01).double().mean())
    if share > 0.5:
        yield Finding(
            "activations",
            "warning",
            f"{share:.0%} of the outputs of activation {number} ({name}) are saturated".replace(
                "%", " %"
            ),
            {"share_saturated": share},
            advice="normalize inputs and draw weights smaller (Xavier)",
        )


def _symmetric(subject: Subject) -> Iterator[Finding]:
    """Units with equal weights stay equal: they get equal gradients."""
    for name, p in subject.model.named_parameters():
        w = p.detach()
        if w.dim() < 2 or len(w) < 2 or not p.requires_grad:
            continue
        if bool((w == w[:1]).all()) and bool(w.any()):
            yield Finding(
                "activations",
                "warning",
                f"all {len(w)} rows of {name} are equal: its units learn the same",
                {"parameter": name},
                advice="draw weights at random",
            )


_: Callable[..., Any] = check_activations
