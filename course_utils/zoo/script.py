"""A training script as one object: what a reader has in the cells of a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, TensorDataset

Built = tuple[nn.Module, Optimizer]
Loss = Callable[[Any, Any], Tensor]
Rows = tuple[Tensor, Tensor]
Step = Callable[[nn.Module, Any, Optimizer], Tensor]

BATCH_SIZE = 50


@dataclass
class Script:
    """Model, loss, three splits, optimizer and one step of the loop; all may be replaced.

    ``build``: () -> (model, optimizer), drawn from torch's global generator; called once here.
    ``loss_fn``: (output, target) -> scalar. ``train``, ``val``, ``test``: DataLoaders, or lists, of
    batches (inputs, targets) or of dicts with the key "labels".
    ``seed``: that of the data.
    ``step``: (model, batch, optimizer) -> loss; by default zero_grad, forward, backward, step.
    """

    build: Callable[[], Built]
    loss_fn: Loss
    train: Iterable[Any]
    val: Iterable[Any]
    test: Iterable[Any]
    seed: int = 0
    step: Step = field(init=False)
    # Any module; Any, because plants index its layers.
    model: Any = field(init=False)
    optimizer: Optimizer = field(init=False)

    def __post_init__(self) -> None:
        self.model, self.optimizer = self.build()
        self.step = self.usual_step

    @property
    def splits(self) -> list[Rows]:
        """All rows of train, val and test, each (inputs, targets)."""
        return [rows(batches) for batches in (self.train, self.val, self.test)]

    def use(self, train: Rows, val: Rows, test: Rows) -> None:
        """Make loaders of these rows (inputs, targets), of which only train is shuffled."""
        self.train = loader(*train)
        self.val, self.test = (loader(*rest, shuffle=False) for rest in (val, test))

    def usual_step(self, model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        """The step that everybody writes; the loss, before the step."""
        optimizer.zero_grad()
        loss = self.loss(model, batch)
        torch.autograd.backward(loss)
        optimizer.step()
        return loss.detach()

    def fit(self, epochs: int) -> list[float]:
        """Run the loop, in train mode as everybody writes it; the losses that its steps return."""
        losses = []
        for _ in range(epochs):
            for batch in self.train:
                self.model.train()
                losses.append(float(self.step(self.model, batch, self.optimizer)))
        return losses

    @torch.no_grad()
    def evaluate(self, batches: Iterable[Any], loss_fn: Loss | None = None) -> float:
        """Mean loss per example of batches in evaluation mode, by its own loss or another one."""
        self.model.eval()
        total, count = 0.0, 0
        for batch in batches:
            output, target = self.outputs(self.model, batch)
            total += float((loss_fn or self.loss_fn)(output, target)) * len(target)
            count += len(target)
        return total / count

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """The loss of one batch."""
        output, target = self.outputs(model, batch)
        return self.loss_fn(output, target)

    @staticmethod
    def outputs(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor]:
        """Output and target of a batch."""
        inputs, target = parts(batch)
        return model(**inputs) if isinstance(inputs, dict) else model(inputs), target


def parts(batch: Any) -> tuple[Any, Tensor]:
    """Inputs and target of a batch (inputs, target), or of a dict with the key "labels"."""
    if isinstance(batch, Mapping):
        return {name: value for name, value in batch.items() if name != "labels"}, batch["labels"]
    inputs, target = batch
    return inputs, target


def loader(x: Tensor, y: Tensor, shuffle: bool = True) -> DataLoader[tuple[Tensor, ...]]:
    """Batches of 50 rows of inputs [N, ...] and targets [N, ...]."""
    return DataLoader(TensorDataset(x, y), batch_size=BATCH_SIZE, shuffle=shuffle)


def rows(batches: Iterable[Any]) -> Rows:
    """All inputs and targets behind a `loader`, in the order of its data set."""
    dataset: Any = getattr(batches, "dataset", None)
    if not isinstance(dataset, TensorDataset):
        raise TypeError(f"batches must come from loader(x, y), got {type(batches).__name__}")
    x, y = dataset.tensors
    return x, y


def from_splits(
    seed: int, build: Callable[[], Built], loss_fn: Loss, splits: Sequence[Rows]
) -> Script:
    """A script with loaders of train, val and test rows, of which only train is shuffled."""
    train, val, test = splits
    script = Script(build, loss_fn, [], [], [], seed)
    script.use(train, val, test)
    return script
