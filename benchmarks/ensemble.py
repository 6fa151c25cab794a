"""How much faster one ensemble of S members trains than S plain PyTorch runs, on one CPU thread.

A 64-64-64-10 network with batch norm and dropout on 8x8 digits, batches of 64, AdamW. Plain runs
and ensemble alternate, and a ratio is taken within each repeat: seconds depend on the machine, and
on what else it does. Exits with 1 if 16 members are less than 4 times as fast as 16 plain runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from statistics import median

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from course_utils.batched_optimizer import BatchedOptimizer
from course_utils.ensemble import batches, train
from course_utils.stacked_layers import member_losses
from course_utils.stacking import Stack

STEPS, BATCH, REPEATS, REQUIRED = 60, 64, 5, 4.0
MEMBERS = (1, 4, 16, 64)
Data = tuple[Tensor, Tensor]


def build(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    layers = [nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5)]
    layers += [nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(64, 10))


class Whole(nn.Module):
    """The same network as a module of its own, which the ensemble cannot take apart."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.body = build(seed)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.body(x)
        return output


def plain(seed: int, data: Data, adamw: partial[torch.optim.AdamW]) -> None:
    """Train one network with the loop that everybody writes."""
    (inputs, targets), model = data, build(seed).train()
    optimizer = adamw(model.parameters())
    for rows in islice(batches([seed], len(targets), BATCH), STEPS):
        loss = F.cross_entropy(model(inputs[rows[0]]), targets[rows[0]])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(
    members: int, data: Data, make: Callable[[int], nn.Module] = build, fused: bool = False
) -> float:
    """Return the median of (time of plain runs) / (time of the ensemble), building included."""
    adamw = partial(torch.optim.AdamW, lr=1e-3, fused=fused)
    some = min(members, 16)  # plain runs cost the same each: of 64, 16 are measured

    def alone() -> None:
        for seed in range(some):
            plain(seed, data, adamw)

    def ensemble() -> None:
        models = [make(seed) for seed in range(members)]
        train(models, data, seeds=range(members), optimizer=adamw, steps=STEPS, batch_size=BATCH)

    found = [
        seconds(alone) * members / some / seconds(ensemble)
        for _ in range(REPEATS + 1)  # the first repeat warms up
    ]
    return median(found[1:])


def parts(members: int, data: Data) -> dict[str, float]:
    """Return the seconds of each part of a step, from the fastest of many steps."""
    inputs, targets = data
    stack = Stack([build(seed) for seed in range(members)])
    update = BatchedOptimizer(stack.parameters, [partial(torch.optim.AdamW, lr=1e-3)], [])
    best = dict.fromkeys(("batch", "forward", "loss", "backward", "update"), float("inf"))
    for rows in islice(batches(range(members), len(targets), BATCH), 2 * STEPS):
        marks = [time.perf_counter()]
        x, y = inputs[rows], targets[rows]
        marks.append(time.perf_counter())
        logits = stack((x,), training=True)
        marks.append(time.perf_counter())
        loss = member_losses([F.cross_entropy], logits, y)
        marks.append(time.perf_counter())
        torch.autograd.backward(loss.sum())
        marks.append(time.perf_counter())
        update.step()
        marks.append(time.perf_counter())
        for i, name in enumerate(best):
            best[name] = min(best[name], marks[i + 1] - marks[i])
    return best


def main() -> int:
    torch.set_num_threads(1)
    digits = load_digits()
    data = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
    ratios = {}
    one = sum(parts(1, data).values())
    print("S plain runs against one ensemble of S: how many times faster the ensemble is")
    print("members   ratio   step / step of 1 member   parts of a step")
    for members in MEMBERS:
        ratios[members] = ratio(members, data)
        share = parts(members, data)
        total = sum(share.values())
        where = ", ".join(f"{name} {value / total:.0%}" for name, value in share.items())
        print(f"{members:7d}   {ratios[members]:5.1f}   {total / one:23.1f}   {where}", flush=True)
    print(f"16 members, fused AdamW on both sides: {ratio(16, data, fused=True):.1f}")
    print(
        f"16 members, as a module that is no Sequential (all by vmap): {ratio(16, data, Whole):.1f}"
    )
    print(
        "The step of a few members is bound by the calls of its operations, whatever their size,\n"
        "which members share; that of many by arithmetic, and the ratio levels off."
    )
    print(f"16 members: {ratios[16]:.1f} times faster, at least {REQUIRED} required")
    return 0 if ratios[16] >= REQUIRED else 1


if __name__ == "__main__":
    sys.exit(main())
