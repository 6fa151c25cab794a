"""Optimizers race on surfaces; readers choose, play and step, and paper shows a still figure::

    race = Race(SURFACES, {"SGD": SGD, "Momentum": partial(SGD, momentum=0.9), "Adam": Adam})
    race.show()

All is computed when the cell runs; the output needs no kernel and no network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils import race_page
from course_utils.display import publish
from course_utils.surfaces import Surface, descend

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)

MakeOptimizer = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


class Race:
    """Every optimizer at every learning rate on every surface.

    A run has diverged once it is further from the middle of the picture than ten times its width
    or height. The best rate has the lowest mean, over all steps, of the logarithm of the loss
    above the minimum, where less than 1e-8 counts as 1e-8: it comes down early and stays there.

    Args:
        surfaces: where to race; each with a minimum, names different.
        optimizers: by name, what makes one from parameter groups that have their `lr`: a class
            such as `Adam`, or `partial(SGD, momentum=0.9)`. The update must be element-wise.
        rates: learning rates, ascending.
        steps: how many steps each makes.
        seed: of the noise on the gradients, which is the same for all competitors.

    Raises:
        ValueError: if a surface has no minimum, names repeat, or something is empty.
    """

    far = 10.0
    floor = -8

    def __init__(
        self,
        surfaces: Sequence[Surface],
        optimizers: Mapping[str, MakeOptimizer],
        rates: Sequence[float] = RATES,
        steps: int = 150,
        seed: int = 0,
    ) -> None:
        self.surfaces, self.optimizers = tuple(surfaces), dict(optimizers)
        self.rates, self.steps = tuple(float(rate) for rate in rates), steps
        self._check()
        self._paths = {
            (surface.name, name): self._run(surface, make, seed)
            for surface in self.surfaces
            for name, make in self.optimizers.items()
        }

    def _check(self) -> None:
        for what in ("surfaces", "optimizers", "rates"):
            if not getattr(self, what):
                raise ValueError(f"{what} must have at least one entry, got none")
        names = [surface.name for surface in self.surfaces]
        if len(set(names)) < len(names):
            raise ValueError(f"surfaces must have different names, got {names}")
        for surface in self.surfaces:
            if not surface.minima:
                raise ValueError(f"surfaces must have a minimum, got {surface.name!r} without one")
        if sorted(set(self.rates)) != list(self.rates) or self.rates[0] <= 0:
            raise ValueError(f"rates must be positive and ascending, got {self.rates}")

    def _run(self, surface: Surface, make: MakeOptimizer, seed: int) -> Tensor:
        start = torch.tensor(surface.start, dtype=torch.float64)
        points = [start.clone().requires_grad_() for _ in self.rates]
        pairs = zip(points, self.rates, strict=True)
        optimizer = make([{"params": [point], "lr": rate} for point, rate in pairs])
        return descend(surface, points, optimizer, self.steps, seed)

    def paths(self, surface: Surface, optimizer: str) -> Tensor:
        """Points [steps + 1, rates, 2], the start first; not finite where a run blew up."""
        return self._paths[surface.name, optimizer]

    def losses(self, surface: Surface, optimizer: str) -> Tensor:
        """Loss above the minimum [steps + 1, rates], without noise."""
        return surface(self.paths(surface, optimizer)) - surface.lowest

    def lengths(self, surface: Surface, optimizer: str) -> list[int]:
        """Number of points before each rate diverged; steps + 1 if it did not."""
        points = self.paths(surface, optimizer)
        low, high = points.new_tensor([surface.xlim, surface.ylim]).T
        # A comparison with something that is no number is false.
        near = ((points - (low + high) / 2).abs() <= self.far * (high - low)).all(dim=-1)
        return [int(number) for number in near.int().cummin(dim=0).values.sum(dim=0)]

    def scores(self, surface: Surface, optimizer: str) -> Tensor:
        """Mean of log10 of the loss over the steps, by rate: [rates]; infinite if it diverged."""
        log = self.losses(surface, optimizer).clamp(min=10.0**self.floor).log10().mean(dim=0)
        whole = torch.tensor(self.lengths(surface, optimizer)) > self.steps
        return torch.where(whole, log, torch.inf)

    def best(self, surface: Surface, optimizer: str) -> int:
        """Index of the rate with the lowest score; of the smallest rate if all diverged."""
        return int(self.scores(surface, optimizer).argmin())

    def best_rate(self, surface: Surface, optimizer: str) -> float:
        """The learning rate with the lowest score."""
        return self.rates[self.best(surface, optimizer)]

    def show(self) -> None:
        """Display the race: HTML with all it needs, and a summary where no HTML is shown."""
        publish({"text/html": race_page.page(self), "text/plain": self.summary()})

    def summary(self) -> str:
        """Who ends closest to the minimum on each surface, and who farthest."""
        rates = f"{len(self.rates)} learning rates from {self.rates[0]:g} to {self.rates[-1]:g}"
        return " ".join(
            [
                f"Race of {', '.join(self.optimizers)} over {self.steps} steps, each at its best "
                f"of {rates}.",
                *(self._summary_of(surface) for surface in self.surfaces),
            ]
        )

    def _summary_of(self, surface: Surface) -> str:
        ends: dict[float, list[str]] = {}
        for name in self.optimizers:
            rate = self.best(surface, name)
            lost = self.lengths(surface, name)[rate] <= self.steps
            loss = float(self.losses(surface, name)[-1, rate].clamp(min=10.0**self.floor))
            end = torch.inf if lost else loss
            ends.setdefault(end, []).append(f"{name} ({self.rates[rate]:g})")
        low, high = min(ends), max(ends)
        return (
            f"{surface.name}: closest to the minimum {' and '.join(ends[low])}, loss "
            f"{self._loss(low)}; farthest {' and '.join(ends[high])}, {self._loss(high)}."
        )

    def _loss(self, loss: float) -> str:
        if loss <= 10.0**self.floor:
            return f"at most 1e{self.floor}"
        return "diverged" if loss == torch.inf else f"{loss:.2g}"
