"""Train S seeds x G settings at once, as one batched network.

Any network will do that `torch.vmap` can batch.

A small network leaves a processor idle: most of a step goes into calling some hundred operations.
Members stacked along a new dimension share those calls, so many runs cost little more than a few.
Each member has its own weights, batches, dropout masks and running statistics, and ends where a
separate run with the same weights, batches and masks ends.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, repeat

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.arguments import (
    Data,
    as_tensors,
    check_counts,
    count_settings,
    for_each_setting,
)
from course_utils.batched_optimizer import BatchedOptimizer, OptimizerFactory, ScheduleFactory
from course_utils.recorder import History, Metric, Recorder, accuracy
from course_utils.stacked_layers import Loss, member_losses
from course_utils.stacking import Stack

__all__ = ["History", "accuracy", "batches", "train"]


def train(
    models: Sequence[nn.Module],
    data: Data,
    *,
    seeds: Sequence[int],
    optimizer: OptimizerFactory | Sequence[OptimizerFactory],
    steps: int,
    batch_size: int,
    replacement: bool = False,
    loss: Loss | Sequence[Loss] = F.cross_entropy,
    schedule: ScheduleFactory | Sequence[ScheduleFactory] | None = None,
    evaluate: Mapping[str, Data] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    every: int = 100,
    progress: Callable[[str], object] | None = None,
) -> History:
    """Train all models in place, as one batched network, and return their histories.

    ``models``: G settings of S = len(seeds) modules each, setting by setting, alike in all but the
    values of parameters and buffers. Afterwards they hold the trained values.
    ``data``: (inputs, targets) for all members; inputs may be a tuple of tensors, the arguments of
    the model. Setting by setting, the member of seed s sees the same batches, those of
    `batches([s], ...)`, drawn with ``replacement`` or by epochs. Dropout masks differ in every
    member; they follow from ``seeds``, and the global random state is left as it was.
    ``optimizer``: a function of the parameters, such as ``partial(torch.optim.AdamW, lr=1e-3)``, or
    a list with one for each setting; so are ``loss`` (of logits and targets, a scalar) and
    ``schedule`` (of the optimizer, such as ``partial(CosineAnnealingLR, T_max=steps)``). The
    optimizer must be element-wise; it gets the parameters that are not frozen, in the order of
    ``model.parameters()``, with members as the first dimension: a bias has two dimensions there, so
    a function that tells biases from weights by ``p.ndim < 2`` finds none.
    ``evaluate``: named data on which ``metrics`` (of logits and targets, a number or a tensor; by
    default the loss) are measured in evaluation mode at step 0, each ``every`` steps and the last.
    ``progress``: called with a line of text at each evaluation, for example ``print``.

    Errors: ValueError for arguments that do not fit each other, TypeError for one of another type
    or a model that does not return one tensor, RuntimeError for one that `torch.vmap` cannot batch.

    >>> models = [torch.nn.Linear(2, 2) for seed in range(3)]
    >>> data = torch.eye(2), torch.tensor([0, 1])
    >>> sgd = lambda parameters: torch.optim.SGD(parameters, lr=1.0)
    >>> history = train(models, data, seeds=range(3), optimizer=sgd, steps=9, batch_size=2,
    ...                 evaluate={"train": data}, metrics={"accuracy": accuracy})
    >>> history["train", "accuracy"][-1]
    tensor([[1., 1., 1.]])
    """
    seeds = [int(seed) for seed in seeds]  # masks follow from the numbers, not from their type
    settings = count_settings(models, seeds)
    check_counts(steps=steps, batch_size=batch_size, every=every)
    losses = for_each_setting("loss", loss, settings)
    optimizers = for_each_setting("optimizer", optimizer, settings)
    schedules = for_each_setting("schedule", schedule, settings) if schedule else []
    device = next((p.device for p in models[0].parameters()), torch.device("cpu"))
    inputs, targets = as_tensors("data", data, device)
    recorder = Recorder(
        {n: as_tensors(f"evaluate[{n!r}]", d, device) for n, d in (evaluate or {}).items()},
        [metrics or {"loss": loss} for loss in losses],
        progress,
    )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        rows = batches(seeds, len(targets), batch_size, replacement)
        samples = [tuple(x[:batch_size] for x in inputs), *recorder.samples()]
        stack = Stack(models, writes_inputs=try_alone(models[0], samples))
        update = BatchedOptimizer(
            [p for p in stack.parameters if p.requires_grad], optimizers, schedules
        )
        torch.manual_seed(random.Random(f"masks of {list(seeds)}").getrandbits(63))
        all_at_once = batch_size == len(targets) and not (replacement or stack.writes_inputs)
        drawn = _repeated if all_at_once else _gathered
        for step, (x, y) in enumerate(islice(drawn(inputs, targets, rows, len(models)), steps)):
            if step % every == 0:
                recorder.measure(step, stack)
            batch_loss = member_losses(losses, stack(x, training=True), y)
            torch.autograd.backward(batch_loss.sum())
            update.step()
            recorder.batch_losses.append(batch_loss.detach())
        recorder.measure(steps, stack)
    stack.write_back()
    return recorder.history(len(seeds))


def batches(
    seeds: Sequence[int], examples: int, batch_size: int, replacement: bool = False
) -> Iterator[Tensor]:
    """Yield row numbers [seeds, batch_size] without end, each seed from its own generator.

    As a DataLoader with shuffle and drop_last: an epoch is a permutation cut into batches, the
    incomplete one at the end left out. A batch of all examples is in order. With ``replacement``
    every row is drawn from all examples. ValueError unless 1 <= batch_size <= examples.

    >>> next(batches([0, 1], examples=5, batch_size=2)).shape
    torch.Size([2, 2])
    """
    check_counts(batch_size=batch_size)
    if batch_size > examples:
        raise ValueError(f"batch_size must be from 1 to the {examples} examples, got {batch_size}")
    generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
    if replacement:
        return _independent(generators, examples, batch_size)
    if batch_size == examples:
        return repeat(torch.arange(examples).expand(len(generators), -1))
    return _epochs(generators, examples, batch_size)


def _independent(
    generators: list[torch.Generator], examples: int, batch_size: int
) -> Iterator[Tensor]:
    while True:
        yield torch.stack([torch.randint(examples, (batch_size,), generator=g) for g in generators])


def _epochs(generators: list[torch.Generator], examples: int, batch_size: int) -> Iterator[Tensor]:
    while True:
        order = torch.stack([torch.randperm(examples, generator=g) for g in generators])
        for start in range(0, examples - batch_size + 1, batch_size):
            yield order[:, start : start + batch_size]


def _gathered(
    inputs: tuple[Tensor, ...], targets: Tensor, rows: Iterator[Tensor], members: int
) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
    """Copies of the rows of each member: inputs [M, B, ...], targets [M, B, ...]."""
    for drawn in rows:
        r = drawn.repeat(members // len(drawn), 1).to(targets.device)
        yield tuple(x[r] for x in inputs), targets[r]


def _repeated(
    inputs: tuple[Tensor, ...], targets: Tensor, rows: Iterator[Tensor], members: int
) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
    """All examples each time, shared by the members: no copy is made, which costs a tenth."""
    return repeat(
        (tuple(x[None] for x in inputs), targets.expand(members, *targets.shape).contiguous())
    )


def try_alone(model: nn.Module, samples: Sequence[tuple[Tensor, ...]]) -> bool:
    """Run a copy of one model as it is, so that its own errors are seen as plain PyTorch's.

    Returns whether it changes its inputs in place.
    """
    model = copy.deepcopy(model).train()
    written = False
    for sample in samples:
        inputs = tuple(x.clone() for x in sample)  # views of the caller's data
        with torch.no_grad():
            output = model(*inputs)
        if not isinstance(output, Tensor):
            raise TypeError(f"models must return one tensor, got {type(output).__name__}")
        written |= any(x._version > 0 for x in inputs)  # counts changes in place
        model.eval()
    return written
