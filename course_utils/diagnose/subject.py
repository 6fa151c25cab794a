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
    default_forward,
    default_target,
    map_tensors,
    named_tensors,
)

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
    steps: int = 64
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
        return _rows_of(batch, torch.as_tensor(rows))

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
            output = self.output(_rows_of(self.train[0], torch.arange(n // 2)))
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
            if left <= 0 or not _stackable(batch, other):
                break
            more = named_tensors(self.take(other, range(min(left, self.rows(other)))))
            batch = map_tensors(batch, partial(_appended, more))
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


def _rows_of(batch: Batch, rows: Tensor) -> Batch:
    return map_tensors(batch, lambda _, t: t[rows.to(t.device)])


def _appended(more: dict[Path, Tensor], path: Path, tensor: Tensor) -> Tensor:
    return torch.cat([tensor, more[path]])


def _stackable(a: Batch, b: Batch) -> bool:
    """Whether two batches have the same tensors but for the number of rows."""
    shapes = [{path: t.shape[1:] for path, t in named_tensors(x).items()} for x in (a, b)]
    return shapes[0] == shapes[1]


def has_running_stats(module: nn.Module) -> bool:
    """Whether a module keeps running statistics, as batch norm does."""
    return getattr(module, "running_mean", None) is not None


def is_dropout(module: nn.Module) -> bool:
    """Whether a module is a dropout layer, one of PyTorch's or one that is called so."""
    named_so = "Dropout" in type(module).__name__ and next(module.children(), None) is None
    return isinstance(module, nn.modules.dropout._DropoutNd) or named_so


def dropout_rate(module: nn.Module) -> float:
    """The probability to drop of a dropout layer; 0 for others."""
    p = getattr(module, "p", 0.0) if is_dropout(module) else 0.0
    return float(p) if isinstance(p, int | float | Tensor) else 0.0


def joined(parts: Sequence[Any]) -> Tensor:
    """Tensors of equal trailing shape in one; skips the check if they are not."""
    if not parts or not all(isinstance(p, Tensor) and p.dim() for p in parts):
        raise Skip("they are no tensors with rows")
    if len({p.shape[1:] for p in parts}) > 1:
        raise Skip("shapes differ from batch to batch")
    return torch.cat(list(parts)).detach()


def _zeros_and_ones(targets: Tensor) -> bool:
    return bool(((targets == 0) | (targets == 1)).all())
