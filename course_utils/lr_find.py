"""The learning-rate finder: raise the rate batch by batch, and see where the loss explodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from course_utils.arguments import check_counts
from course_utils.plot import COLORS
from course_utils.unchanged import unchanged

UNSETTLED = 10  # the first averages are those of a few losses: too noisy for a slope


@dataclass(frozen=True)
class LRCurve:
    """Learning rates [n], the loss of a batch at each [n], and its running mean [n].

    `exploded` says whether the loss, rather than the range of rates, ended the search.
    """

    lrs: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    exploded: bool

    @property
    def minimum(self) -> float:
        """The rate of the lowest smoothed loss; close to divergence, so none to train with."""
        return float(self.lrs[self.smoothed.argmin()])

    @property
    def steepest(self) -> float:
        """The rate at which the smoothed loss falls fastest, as a function of log(rate).

        Before the minimum, and after the first ten rates. ValueError as for `suggestion`.
        """
        lowest = self._inner_minimum()
        slope = np.gradient(self.smoothed, np.log(self.lrs))
        start = min(UNSETTLED, lowest - 1)
        return float(self.lrs[start + slope[start:lowest].argmin()])

    @property
    def suggestion(self) -> float:
        """A tenth of `minimum`, the rule of this course.

        ValueError if the loss is lowest at an end of the range: no minimum was seen.
        """
        self._inner_minimum()
        return self.minimum / 10

    def _inner_minimum(self) -> int:
        lowest = int(self.smoothed.argmin())
        last = len(self.lrs) - 1
        if lowest == 0 or (lowest == last and not self.exploded):
            raise ValueError(
                "the loss must fall and rise again between start_lr and end_lr, it is lowest at "
                f"{self.minimum:.3g}, an end of {self.lrs[0]:.3g} to {self.lrs[-1]:.3g}"
            )
        return lowest

    def plot(self, ax: Axes) -> None:
        """Draw the losses, their running mean and the three rates over log(rate).

        ValueError as for `suggestion`.
        """
        rates = {
            "minimum / 10": self.suggestion,
            "steepest": self.steepest,
            "minimum": self.minimum,
        }
        ax.plot(
            self.lrs, self.losses, color="grey", linestyle="-", linewidth=0.8, label="one batch"
        )
        ax.plot(self.lrs, self.smoothed, color=COLORS[0], linestyle="-", label="running mean")
        for (name, rate), marker in zip(rates.items(), "os^", strict=True):
            height = np.interp(math.log(rate), np.log(self.lrs), self.smoothed)
            ax.plot(rate, height, marker, color=COLORS[1], label=f"{name}: {rate:.2g}")
        low, high = self.losses.min(), self.smoothed[:UNSETTLED].max()
        ax.set_ylim(low - 0.1 * (high - low), high + 0.4 * (high - low))
        ax.set(xscale="log", xlabel="learning rate", ylabel="loss of the batch")


def lr_find(
    model: nn.Module,
    loss: Callable[[Any, Tensor], Tensor],
    batches: Iterable[tuple[Any, Tensor]],
    optimizer: Optimizer,
    *,
    start_lr: float = 1e-5,
    end_lr: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.9,
    diverged: float = 4.0,
) -> LRCurve:
    """Train for some steps with a rate that grows exponentially, and undo the training.

    The rate of step t is start_lr (end_lr / start_lr)^(t / (steps - 1)), in all groups; the loss is
    that before the step. Its running mean m_t = smoothing m_(t-1) + (1 - smoothing) l_t, divided by
    1 - smoothing^(t+1), ends the search when it is above `diverged` times its lowest value so far,
    as does a loss that is not finite (it is left out).

    Afterwards everything is as before, bit for bit, also if the model or the loss raises:
    parameters with their `grad` and `requires_grad`, buffers, training modes, the optimizer's state
    and groups, random states of Python, NumPy, PyTorch (CPU, CUDA) and of a DataLoader.

    Args:
        model: is called as model(inputs), or model(*inputs) for a tuple or list of inputs.
        loss: a scalar of (outputs, targets).
        batches: (inputs, targets), such as a DataLoader or a list; starts again when it is over.
            They move to the device of the model's first parameter.
        optimizer: the one to train with; its own rate plays no role.

    Raises:
        TypeError: if `batches` is an iterator: its batches would be used up for the training.
        ValueError: if a number is out of range, there is no batch, or the first loss is not finite.

    Source: Smith 2017, section 3.3; the running mean and the rule to stop: Gugger 2018.
    """
    _check_options(batches, start_lr, end_lr, steps, smoothing, diverged)
    lrs = np.geomspace(start_lr, end_lr, steps)
    losses: list[float] = []
    smoothed: list[float] = []
    mean, exploded = 0.0, False
    with unchanged(model, loss, optimizer, batches):
        model.train()
        for lr, batch in zip(lrs, _endless(batches), strict=False):
            value = _train_step(model, loss, optimizer, batch, float(lr))
            exploded = not math.isfinite(value)
            if not exploded:
                mean = smoothing * mean + (1 - smoothing) * value
                losses.append(value)
                smoothed.append(mean / (1 - smoothing ** len(losses)))
                # A loss below zero has no multiple that would mean "worse".
                exploded = smoothed[-1] > diverged * min(smoothed) > 0
            if exploded:
                break
    if not losses:
        raise ValueError("batches must have at least one, with a finite loss before the first step")
    return LRCurve(lrs[: len(losses)], np.array(losses), np.array(smoothed), exploded)


def _train_step(
    model: nn.Module,
    loss: Callable[[Any, Tensor], Tensor],
    optimizer: Optimizer,
    batch: tuple[Any, Tensor],
    lr: float,
) -> float:
    """Return the loss of a batch after one update with this rate on it."""
    parameter = next(model.parameters(), None)
    device = None if parameter is None else parameter.device
    inputs, targets = batch
    parts = inputs if isinstance(inputs, tuple | list) else (inputs,)
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.zero_grad()
    batch_loss = loss(model(*(x.to(device) for x in parts)), targets.to(device))
    torch.autograd.backward(batch_loss)
    optimizer.step()
    return batch_loss.item()


def _endless(batches: Iterable[tuple[Any, Tensor]]) -> Iterator[tuple[Any, Tensor]]:
    """The batches again and again; none if there are none."""
    found = True
    while found:
        found = False
        for batch in batches:
            found = True
            yield batch


def _check_options(
    batches: object, start_lr: float, end_lr: float, steps: int, smoothing: float, diverged: float
) -> None:
    check_counts(steps=steps)
    if steps < 3:
        raise ValueError(f"steps must be at least 3, got {steps}")
    if not 0 < start_lr < end_lr < math.inf:
        raise ValueError(f"0 < start_lr < end_lr < inf must hold, got {start_lr} and {end_lr}")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must lie in [0, 1), got {smoothing}")
    if not diverged > 1:
        raise ValueError(f"diverged must be above 1, got {diverged}")
    if isinstance(batches, Iterator):
        raise TypeError(
            "batches must start again each time, as a list or a DataLoader does; an iterator, got "
            f"{type(batches).__name__}, would be used up"
        )
