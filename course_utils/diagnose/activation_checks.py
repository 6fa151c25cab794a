"""Units that are dead, saturated, equal or without a nonlinearity."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from course_utils.diagnose.batches import Path, map_tensors
from course_utils.diagnose.report import Finding
from course_utils.diagnose.subject import Subject
from course_utils.diagnose.training import run, trained

RELU = {"relu", "relu_", "threshold", "clamp_min", "clamp_min_"}
SQUASH = {"sigmoid": (0.0, 1.0), "sigmoid_": (0.0, 1.0), "tanh": (-1.0, 1.0), "tanh_": (-1.0, 1.0)}


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # so is its base in PyTorch
    """Keeps what ReLU, sigmoid and tanh return, whether called as layers or as functions."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
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
    if not run(subject).error:
        with trained(subject):  # a branch may start at zero
            yield from _linear(subject)


def _dead(number: int, name: str, out: Tensor) -> Iterator[Finding]:
    """Units that are zero for all rows: half of them cost little, all of them stop the signal."""
    dead = (out <= 0).transpose(0, 1).flatten(1).all(1)
    share = float(dead.double().mean())
    if share > 0.5 and len(out) >= 8 and len(dead) >= 4:
        yield Finding(
            "activations",
            "error" if share == 1 else "warning" if share > 0.9 else "note",
            f"{int(dead.sum())} of {len(dead)} units of activation {number} ({name}) are zero "
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


def _linear(subject: Subject) -> Iterator[Finding]:
    """f(a) + f(b) = f(a + b) + f(0): several layers that do no more than one."""
    inputs = subject.inputs(subject.train[0])
    wide = _hidden(subject)
    if len(wide) < 2 or not all(x.is_floating_point() for x in inputs.values()):
        return
    batch = subject.head(8)
    z = [subject.output(map_tensors(batch, partial(_combined, inputs, k))) for k in range(4)]
    scale = max(float(part.abs().max()) for part in z)
    if scale > 0 and float((z[0] + z[1] - z[2] - z[3]).abs().max()) < 1e-4 * scale:
        yield Finding(
            "activations",
            "warning",
            f"outputs are linear in the inputs: {len(wide)} layers do the work of one",
            {"layers": wide},
            advice="put an activation between each two layers",
        )


def _combined(inputs: dict[Path, Tensor], k: int, path: Path, x: Tensor) -> Tensor:
    """Inputs a, b, a + b and 0, where b is a in another order."""
    if path not in inputs:
        return x
    return (x, x.roll(1, 0), x + x.roll(1, 0), torch.zeros_like(x))[k]


def _hidden(subject: Subject) -> list[str]:
    """Matrices of the model, if none is a bottleneck, as in a factorization that is meant."""
    named = [(n, p) for n, p in subject.model.named_parameters() if p.dim() > 1]
    ends = min(named[0][1].shape[1], named[-1][1].shape[0]) if named else 0
    narrow = any(min(p.shape[:2]) < ends for _, p in named)
    return [] if narrow else [name for name, p in named if p.requires_grad]
