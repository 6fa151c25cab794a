"""What an ensemble measures while it trains: losses of batches, metrics now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_utils.stacking import Stack

Metric = Callable[[Tensor, Tensor], Tensor | float]

EVALUATION_ROWS = 8192  # examples x members evaluated at once: bounds memory


@dataclass(frozen=True)
class History:
    """What `train` measured: ``history["dev", "accuracy"]`` is [evaluations, settings, seeds, ...].

    ``steps`` [evaluations] counts the updates made before each evaluation;
    ``batch_loss`` [steps, settings, seeds] is the training loss of every batch.
    """

    steps: Tensor
    batch_loss: Tensor
    values: dict[tuple[str, str], Tensor]

    def __getitem__(self, key: tuple[str, str]) -> Tensor:
        """Return the measurements of (data, metric); KeyError names those there are."""
        if key not in self.values:
            raise KeyError(f"history has {sorted(self.values)}, got {key!r}")
        return self.values[key]

    def by_setting(self, names: Sequence[str]) -> dict[str, History]:
        """Return the history of each setting by its name, without the dimension of settings.

        ValueError unless there is one name for each setting.
        """
        settings = self.batch_loss.shape[1]
        if len(names) != settings or len(set(names)) != settings:
            raise ValueError(f"names must be {settings} different ones, got {list(names)}")
        return {
            name: History(
                self.steps, self.batch_loss[:, i], {k: v[:, i] for k, v in self.values.items()}
            )
            for i, name in enumerate(names)
        }


class Recorder:
    """Measures all members now and then, and keeps what it found."""

    def __init__(
        self,
        data: dict[str, tuple[tuple[Tensor, ...], Tensor]],
        metrics: list[Mapping[str, Metric]],
        progress: Callable[[str], object] | None,
    ) -> None:
        self.data, self.metrics, self.progress = data, metrics, progress
        self.batch_losses: list[Tensor] = []
        self.steps: list[int] = []
        self.values: dict[tuple[str, str], list[Tensor]] = {}
        self.start = time.monotonic()

    @torch.no_grad()
    def measure(self, step: int, stack: Stack) -> None:
        """Append every metric of every member on every data set, in evaluation mode."""
        self.steps.append(step)
        members = len(stack.models)
        rows = max(1, EVALUATION_ROWS // members)
        for name, (inputs, targets) in self.data.items():
            starts = range(0, len(targets), rows)
            pieces = [tuple(x[None, i : i + rows] for x in inputs) for i in starts]
            logits = torch.cat([stack(piece, training=False) for piece in pieces], dim=1)
            found: dict[tuple[str, str], list[Tensor]] = {}
            for member, z in enumerate(logits):
                metrics = self.metrics[member * len(self.metrics) // members]
                for metric, measure in metrics.items():
                    value = torch.as_tensor(measure(z, targets)).cpu()
                    found.setdefault((name, metric), []).append(value)
            for key, values in found.items():
                self.values.setdefault(key, []).append(torch.stack(values))
        if self.progress:
            self.progress(f"step {step}, {time.monotonic() - self.start:.0f} s")

    def samples(self) -> list[tuple[Tensor, ...]]:
        """Return the first two examples of every data set, to try a model out on."""
        return [tuple(x[:2] for x in inputs) for inputs, _ in self.data.values()]

    def history(self, seeds: int) -> History:
        """Return all measurements with members split into settings and seeds."""

        def split(rows: list[Tensor]) -> Tensor:
            stacked = torch.stack(rows).cpu()
            return stacked.view(len(rows), -1, seeds, *stacked.shape[2:])

        values = {key: split(found) for key, found in self.values.items()}
        return History(torch.tensor(self.steps), split(self.batch_losses), values)


def accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the fraction of rows whose largest logit is at the target's place.

    ``logits`` [..., C], ``targets`` [...] of class numbers; ValueError for another shape.
    """
    if targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"targets must be {list(logits.shape[:-1])}, got {list(targets.shape)} "
            f"for logits {list(logits.shape)}"
        )
    return (logits.argmax(-1) == targets).float().mean()
