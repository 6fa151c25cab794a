"""How long a step of `course_utils.optim` takes, against PyTorch's two ways without fused kernels.

foreach=False updates one tensor after the other, as ours does; foreach=True runs each operation on
all tensors at once. Two sets of parameters, on one thread: the book's network, whose small tensors
make calls the cost, and 100 tensors of 100 000 numbers, where memory is. The three take turns, and
ratios are taken within a turn, of CPU time: what else the machine does counts for all.
Exits with 1 if a step of ours takes more than 1.2 times that with foreach=False.
Run: python benchmarks/optim_step.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

import course_utils.optim as ours
from course_utils.models import mlp

ALLOWED, TURNS, SECONDS = 1.2, 15, 0.05  # SECONDS: about how long each one's turn is
# Rules that depend on the options, with those that do most; else the defaults.
OPTIONS: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "nesterov": True, "weight_decay": 1e-4},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adam": {"amsgrad": True, "weight_decay": 1e-4},
    "RAdam": {"betas": (0.9, 0.9)},  # so that the steps measured are rectified ones
}
PARAMETERS: dict[str, Callable[[], list[Tensor]]] = {
    "mlp(64, 128, 128, 10)": lambda: list(mlp(64, 128, 128, 10).parameters()),
    "100 tensors of 100 000": lambda: [nn.Parameter(torch.randn(100_000)) for _ in range(100)],
}


def optimizers(
    name: str, options: dict[str, Any], parameters: Callable[[], list[Tensor]]
) -> list[torch.optim.Optimizer]:
    """Ours, PyTorch's single-tensor one and its foreach one, each with its own parameters."""
    made = []
    for module, flags in ((ours, {}), *((torch.optim, {"foreach": f}) for f in (False, True))):
        torch.manual_seed(0)
        xs = parameters()
        for x in xs:
            x.grad = torch.randn_like(x)
        made.append(getattr(module, name)(xs, **options, **flags))
    return made


def seconds(optimizer: torch.optim.Optimizer, steps: int) -> float:
    start = time.process_time()
    for _ in range(steps):
        optimizer.step()
    return (time.process_time() - start) / steps


def measure(
    name: str, options: dict[str, Any], parameters: Callable[[], list[Tensor]]
) -> tuple[float, float, float]:
    """Seconds of a step of ours, and its ratios to foreach=False and to foreach=True."""
    made = optimizers(name, options, parameters)
    once = max(seconds(optimizer, steps=5) for optimizer in made)  # this also warms up
    steps = max(3, round(SECONDS / once))
    turns = [[seconds(optimizer, steps) for optimizer in made] for _ in range(TURNS)]
    mine, single, foreach = zip(*turns, strict=True)
    ratios = ([a / b for a, b in zip(mine, other, strict=True)] for other in (single, foreach))
    return median(mine), *map(median, ratios)


def main() -> int:
    torch.set_num_threads(1)
    worst = 0.0
    for title, parameters in PARAMETERS.items():
        print(f"{title}: time of our step; over foreach=False (1.2 allowed); over foreach=True")
        for name in ours.__all__:
            for options in [{}, OPTIONS[name]] if name in OPTIONS else [{}]:
                mine, single, foreach = measure(name, options, parameters)
                worst = max(worst, single)
                what = ", ".join(f"{key}={value}" for key, value in options.items())
                row = f"{1e6 * mine:8.0f} us {single:7.2f} {foreach:7.2f}"
                print(f"  {name:9s}{row}   {what}", flush=True)
    print(f"at most {worst:.2f} times the single-tensor step, {ALLOWED} allowed")
    return 0 if worst <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
