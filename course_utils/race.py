"""Optimizers race on surfaces; readers choose, play and step, and paper shows a still figure.

    race = Race(SURFACES, {"SGD": SGD, "Momentum": partial(SGD, momentum=0.9), "Adam": Adam})
    race.show()

All is computed when the cell runs, and the output works without a kernel and without a network.
`race.best_rate(surface, name)`, `race.losses(surface, name)` [steps + 1, rates] and
`race.paths(surface, name)` [steps + 1, rates, 2] hold what the picture shows.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

import torch
from torch import Tensor

from course_utils import plot, race_data
from course_utils.display import publish
from course_utils.surfaces import SURFACES, Surface, descend, draw_contours

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# Further away than this many widths of the picture, an optimizer has diverged.
FAR = 10.0
# Exponent of the loss above the minimum that counts as there.
FLOOR = -8

MakeOptimizer = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


class Race:
    """Every optimizer at every learning rate on every surface, computed at once.

    Args:
        surfaces: where to race; each with a minimum, names different.
        optimizers: by name, what makes one from parameter groups that have their `lr`: a class
            such as `Adam`, or `partial(SGD, momentum=0.9)`. The update must be element-wise.
        rates: learning rates, ascending.
        steps: how many steps each makes.
        seed: of the noise on the gradients, the same for all competitors.

    Raises:
        ValueError: if a surface has no minimum, names repeat, or something is empty.
    """

    def __init__(
        self,
        surfaces: Sequence[Surface],
        optimizers: Mapping[str, MakeOptimizer],
        rates: Sequence[float] = RATES,
        steps: int = 150,
        seed: int = 0,
    ) -> None:
        self.surfaces, self.optimizers = tuple(surfaces), dict(optimizers)
        self.rates, self.steps = tuple(rates), steps
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
        groups = [
            {"params": [point], "lr": rate} for point, rate in zip(points, self.rates, strict=True)
        ]
        return descend(surface, points, make(groups), self.steps, seed)

    def paths(self, surface: Surface, optimizer: str) -> Tensor:
        """Points [steps + 1, rates, 2], the start first; not finite where a run blew up."""
        return self._paths[surface.name, optimizer]

    def losses(self, surface: Surface, optimizer: str) -> Tensor:
        """Noise-free loss above the minimum, [steps + 1, rates]."""
        return surface(self.paths(surface, optimizer)) - surface.lowest

    def lengths(self, surface: Surface, optimizer: str) -> list[int]:
        """How many points there are of each rate before it diverged; steps + 1 if it did not."""
        inside = _is_near(surface, self.paths(surface, optimizer)).cummin(dim=0).values
        return inside.sum(dim=0).tolist()

    def scores(self, surface: Surface, optimizer: str) -> Tensor:
        """Mean over the steps of log10 of the loss, at least FLOOR, by rate; inf if it diverged.

        The area below the curve of the loss: low for those that come down early and stay there.
        """
        log = self.losses(surface, optimizer).clamp(min=10.0**FLOOR).log10().mean(dim=0)
        whole = torch.tensor(self.lengths(surface, optimizer)) > self.steps
        return torch.where(whole, log, torch.inf)

    def best(self, surface: Surface, optimizer: str) -> int:
        """Index of the rate with the lowest score, the smallest rate if all diverged."""
        return int(self.scores(surface, optimizer).argmin())

    def best_rate(self, surface: Surface, optimizer: str) -> float:
        """The rate with the lowest score."""
        return self.rates[self.best(surface, optimizer)]

    def show(self) -> None:
        """Display the race: HTML with all it needs, and a summary where no HTML is shown."""
        publish({"text/html": self.html(), "text/plain": self.summary()})

    def summary(self) -> str:
        """Who came closest on each surface, in words and numbers."""
        lines = [self._summary_of(surface) for surface in self.surfaces]
        rates = f"{len(self.rates)} learning rates from {self.rates[0]:g} to {self.rates[-1]:g}"
        return (
            f"Race of {', '.join(self.optimizers)}: {self.steps} steps, each at the best of {rates}"
            f". {' '.join(lines)}"
        )

    def _summary_of(self, surface: Surface) -> str:
        ends = []
        for name in self.optimizers:
            best = self.best(surface, name)
            loss = float(self.losses(surface, name)[-1, best])
            ends.append((loss, f"{name} at {self.rates[best]:g}"))
        (low, first), (high, last) = min(ends), max(ends)
        return (
            f"{surface.name}: closest to the minimum ends {first} "
            f"(loss {_loss_text(low)}), farthest {last} ({_loss_text(high)})."
        )

    def html(self) -> str:
        """One element for a page, with style, script and data."""
        data = json.dumps(self._data(), separators=(",", ":")).replace("<", "\\u003c")
        return (
            f'<div class="course-race"><style>{_package_file("race.css")}</style>'
            f'<div class="race-still">{self._still()}</div>'
            f'<script type="application/json">{data}</script>'
            f"<script>{_package_file('race.js')}</script></div>"
        )

    def _data(self) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "rates": self.rates,
            "floor": FLOOR,
            "optimizers": [
                _competitor(number, name) for number, name in enumerate(self.optimizers)
            ],
            "surfaces": [self._surface_data(surface) for surface in self.surfaces],
        }

    def _surface_data(self, surface: Surface) -> dict[str, Any]:
        runs = []
        for name in self.optimizers:
            paths, lengths = self.paths(surface, name), self.lengths(surface, name)
            runs.append(
                [
                    race_data.encode_path(surface, paths[:length, rate], FLOOR)
                    for rate, length in enumerate(lengths)
                ]
            )
        best = [self.best(surface, name) for name in self.optimizers]
        return {**race_data.describe_surface(surface), "best": best, "runs": runs}

    def _still(self) -> str:
        rows = (len(self.surfaces) + 2) // 2
        fig, axes = plot.subplots(rows, 2, height=2.6)
        for ax, surface in zip(axes.flat, self.surfaces, strict=False):
            draw_contours(ax, surface)
            ax.set_title(surface.name, fontsize=11)
            for number, name in enumerate(self.optimizers):
                color, line = race_data.style_of(number)
                best = self.best(surface, name)
                x, y = self.paths(surface, name)[:, best].T.tolist()
                ax.plot(x, y, color=color, linestyle=line, linewidth=1.4)
                ax.plot(x[-1], y[-1], color=color, marker="o", markersize=4)
        for ax in axes.flat[len(self.surfaces) :]:
            ax.axis("off")
        for number, name in enumerate(self.optimizers):
            color, line = race_data.style_of(number)
            axes.flat[-1].plot([], [], color=color, linestyle=line, label=name)
        axes.flat[-1].legend(loc="center", fontsize=10)
        buffer = io.BytesIO()
        fig.savefig(buffer, format="svg", metadata={"Date": None})
        plot.plt.close(fig)
        svg = re.sub(r"(\d+\.\d)\d+", r"\1", buffer.getvalue().decode())
        source = base64.b64encode(svg.encode()).decode()
        return (
            f'<img class="course-figure" src="data:image/svg+xml;base64,{source}" '
            f'alt="{html.escape(self.summary())}">'
        )


def _competitor(number: int, name: str) -> dict[str, Any]:
    color, line = race_data.style_of(number)
    dashes = {"-": "", "--": "7 4", "-.": "8 3 2 3", ":": "2 3"}
    dash = dashes[line] if isinstance(line, str) else " ".join(f"{2 * d}" for d in line[1])
    color = "currentColor" if color == "#000000" else color  # black would vanish in the dark
    return {"name": name, "color": color, "dash": dash, "shape": number}


def _is_near(surface: Surface, points: Tensor) -> Tensor:
    low = torch.tensor([surface.xlim[0], surface.ylim[0]], dtype=points.dtype)
    high = torch.tensor([surface.xlim[1], surface.ylim[1]], dtype=points.dtype)
    # A comparison with something that is not a number is false.
    return ((points - (low + high) / 2).abs() <= FAR * (high - low)).all(dim=-1)


def _loss_text(loss: float) -> str:
    return f"below {10.0**FLOOR:.0e}" if loss < 10.0**FLOOR else f"{loss:.2g}"


def _package_file(name: str) -> str:
    return resources.files("course_utils").joinpath(name).read_text(encoding="utf8")


__all__ = ["RATES", "SURFACES", "Race"]
