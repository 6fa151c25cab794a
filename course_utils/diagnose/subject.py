"""What is diagnosed: a model with its loss, batches and optimizer, and what checks share of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_utils.diagnose.batches import (
    Batch,
    Path,
    appended,
    default_forward,
    default_target,
    map_tensors,
    named_tensors,
    rows_of,
    stackable,
)
from course_utils.diagnose.layers import has_running_stats, is_dropout

Step = Callable[[nn.Module, Batch, Any], Any]
T = TypeVar("T")
Task = Literal["classes", "binary", "numbers", "other"]


class Skip(Exception):
    """Raised by a check that cannot say anything here; its text is the reason."""


@dataclass
class Subject:
    """A training script in pieces. Checks may do anything to it: all is undone after each."""

    model: nn.Module
    loss_fn: Callable[[Any, Any], Tensor]
    train: Sequence[Batch]
    val: Sequence[Batch] = ()
    test: Sequence[Batch] = ()
    optimizer: Optimizer | None = None
    own_step: Step | None = None
    own_forward: Callable[[Batch], Any] | None = None
    own_target: Callable[[Batch], Any] | None = None
    build: Callable[[], tuple[nn.Module, Optimizer]] | None = None
    error: str = ""  # what the first batch raises, if it does
    error_found: bool = False  # has a check reported an error?
    augmented: Callable[[], bool] = lambda: False  # do train rows differ from epoch to epoch?
    steps: int = 48
    seed: int = 0
    shared: dict[Hashable, Any] = field(default_factory=dict)

    def forward(self, batch: Batch) -> Any:
        """The output of the model."""
        if self.own_forward is not None:
            return self.own_forward(batch)
        return default_forward(self.model, batch)

    def target(self, batch: Batch) -> Any:
        """What the loss compares the output with."""
        return (self.own_target or default_target)(batch)

    def loss(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar, in the mode that the model is in."""
        return self.loss_fn(self.forward(batch), self.target(batch))

    @torch.no_grad()
    def losses(self, batches: Sequence[Batch]) -> Tensor:
        """The loss of each batch [B], in float64, in the mode that the model is in."""
        return torch.tensor([float(self.loss(batch)) for batch in batches], dtype=torch.float64)

    @torch.no_grad()
    def output(self, batch: Batch) -> Tensor:
        """The output in evaluation mode; skips the check if it is not one tensor."""
        self.model.eval()
        output = self.forward(batch)
        if not isinstance(output, Tensor):
            raise Skip(f"the output is no tensor but {type(output).__name__}; pass forward=")
        return output

    def rows(self, batch: Batch) -> int:
        """How many examples a batch has: the length of its target."""
        target = self.target(batch)
        if not isinstance(target, Tensor) or target.dim() == 0:
            raise Skip(f"the target is no tensor with rows but {type(target).__name__}")
        return len(target)

    def take(self, batch: Batch, rows: Sequence[int] | Tensor) -> Batch:
        """Some rows of a batch; skips the check if its tensors have no common first dimension."""
        if not self.rows_first:
            raise Skip("rows are not the first dimension of all tensors in a batch")
        return rows_of(batch, torch.as_tensor(rows))

    @cached_property
    def rows_first(self) -> bool:
        """Whether rows are the first dimension of all inputs, of the target and of the output.

        So they are if half of the rows give half of the outputs; sequences may come first, too.
        """
        n = self.rows(self.train[0])
        if any(t.dim() == 0 or len(t) != n for t in named_tensors(self.train[0]).values()):
            return False
        if self.error or n < 2:
            return True
        try:
            output = self.output(rows_of(self.train[0], torch.arange(n // 2)))
        except Exception:  # a model that takes batches of one size, or sequences of one length
            return False
        return output.dim() > 0 and len(output) == n // 2

    def inputs(self, batch: Batch) -> dict[Path, Tensor]:
        """The tensors of a batch that are not its target."""
        target = self.target(batch)
        return {path: t for path, t in named_tensors(batch).items() if t is not target}

    def head(self, count: int) -> Batch:
        """The first rows of the train batches, of several if the first one has not enough."""
        batch = self.take(self.train[0], range(min(count, self.rows(self.train[0]))))
        for other in self.train[1:]:
            left = count - self.rows(batch)
            if left <= 0 or not stackable(batch, other):
                break
            more = named_tensors(self.take(other, range(min(left, self.rows(other)))))
            batch = map_tensors(batch, partial(appended, more))
        return batch

    def memo(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returns, made once for all checks."""
        if key not in self.shared:
            self.shared[key] = make()
        found: T = self.shared[key]
        return found

    @cached_property
    def targets(self) -> Tensor:
        """The targets of all train batches in one tensor."""
        return joined([self.target(batch) for batch in self.train])

    @cached_property
    def task(self) -> Task:
        """What targets and outputs look like."""
        target = self.target(self.train[0])
        if not isinstance(target, Tensor):
            return "other"
        if self.error:  # there may be no output to look at
            return "numbers" if target.is_floating_point() else "classes"
        output = self.output(self.train[0])
        if not target.is_floating_point() and target.dtype != torch.bool:
            return "classes" if self.class_dim is not None else "other"
        if output.numel() == target.numel() and _zeros_and_ones(self.targets):
            return "binary"
        return "numbers" if target.is_floating_point() else "other"

    @cached_property
    def class_dim(self) -> int | None:
        """The dimension of the output that holds classes: 1 as PyTorch has it, or the last one."""
        target, output = self.target(self.train[0]), self.output(self.train[0])
        if output.dim() != target.dim() + 1:
            return None
        if output.shape[:1] == target.shape[:1] and output.shape[2:] == target.shape[1:]:
            return 1
        return output.dim() - 1 if output.shape[:-1] == target.shape else None

    def everything(self) -> list[object]:
        """What must be brought back after a check."""
        functions = (self.own_step, self.own_forward, self.own_target)
        return [self.model, self.loss_fn, self.optimizer, *functions]

    def seeded(self, offset: int = 0) -> None:
        """Set the random states of Python, NumPy and PyTorch: what follows can be repeated."""
        seed = self.seed + offset
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)  # manual_seed notes each caller for CUDA
        if torch.cuda.is_available():
            torch.cuda.manual_seed_all(seed)

    def quiet(self) -> None:
        """Train mode without dropout and without changing running statistics."""
        self.model.train()
        for module in self.model.modules():
            if is_dropout(module) or has_running_stats(module):
                module.eval()


def joined(parts: Sequence[Any]) -> Tensor:
    """Tensors of equal trailing shape in one; skips the check if they are not."""
    if not parts or not all(isinstance(p, Tensor) and p.dim() for p in parts):
        raise Skip("they are no tensors with rows")
    if len({p.shape[1:] for p in parts}) > 1:
        raise Skip("shapes differ from batch to batch")
    return torch.cat(list(parts)).detach()


def _zeros_and_ones(targets: Tensor) -> bool:
    return bool(((targets == 0) | (targets == 1)).all())
