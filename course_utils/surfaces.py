"""Functions of two variables on which optimizers are watched: where they start, where they end.

As in::

    path = trajectory(ROSENBROCK, lambda points: Adam(points, lr=0.1), steps=150)
    draw_contours(ax, ROSENBROCK)
    ax.plot(*path.T)
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from course_utils.stats import as_array

Point = tuple[float, float]
# Contours are drawn where the distance to the minimum's value is this share of its largest value.
LEVELS = tuple(10 ** (-exponent / 2) for exponent in range(8, 0, -1))


@dataclass(frozen=True)
class Surface:
    """A function of a point, and what has to be known to race on it.

    Args:
        name: what readers call it.
        formula: the same in LaTeX, with x and y for the two coordinates.
        function: maps a tensor [..., 2] to its values [...].
        start: where optimizers start.
        minima: all points with the lowest value; empty if there is none.
        xlim: left and right edge of what is drawn.
        ylim: lower and upper edge.
        noise: standard deviation of the normal noise on each coordinate of the gradient.
        note: one sentence for readers: what makes it hard.
    """

    name: str
    formula: str
    function: Callable[[Tensor], Tensor]
    start: Point
    minima: tuple[Point, ...]
    xlim: Point
    ylim: Point
    noise: float = 0.0
    note: str = ""

    @property
    def minimum(self) -> Point | None:
        """The first of the minima, None if the function has no lowest value."""
        return self.minima[0] if self.minima else None

    @property
    def lowest(self) -> float:
        """The value at the minimum; ValueError if there is none."""
        if not self.minima:
            raise ValueError(f"the surface {self.name!r} has no minimum")
        return float(self(torch.tensor(self.minima[0], dtype=torch.float64)))

    @property
    def formula_html(self) -> str:
        """The formula as HTML, with its ½, ¼, powers of one digit, x and y."""
        text = self.formula.replace(r"\frac{1}{2}", "½").replace(r"\frac{1}{4}", "¼")
        text = html.escape(text, quote=False).replace("-", "−")
        text = re.sub(r"\^(\d)", r"<sup>\1</sup>", text)
        text = re.sub(r"\b([xy]{1,2})\b", r"<i>\1</i>", text)
        return f"<i>f</i>(<i>x</i>, <i>y</i>) = {text}"

    def __call__(self, point: Tensor) -> Tensor:
        """Values [...] at points [..., 2]."""
        return self.function(point)

    def grid(self, columns: int = 161, rows: int = 121) -> tuple[NDArray[np.float64], ...]:
        """Coordinates x [columns] and y [rows] of what is drawn, and the values [rows, columns]."""
        x = torch.linspace(*self.xlim, columns, dtype=torch.float64)
        y = torch.linspace(*self.ylim, rows, dtype=torch.float64)
        points = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
        return as_array(x), as_array(y), as_array(self(points))

    def levels(self) -> NDArray[np.float64]:
        """Values for contour lines, closer together the lower they are: a ravine is seen."""
        values = self.grid()[2]
        lowest = self.lowest if self.minima else values.min()
        return np.asarray(lowest + (values.max() - lowest) * np.array(LEVELS))


def trajectory(
    surface: Surface,
    make_optimizer: Callable[[list[Tensor]], torch.optim.Optimizer],
    steps: int,
    seed: int = 0,
) -> Tensor:
    """The way of an optimizer down a surface: points [steps + 1, 2] in float64, start included.

    Args:
        surface: where.
        make_optimizer: called with a list of one tensor [2], as `lambda p: Adam(p, lr=0.1)`.
        steps: how many steps, at least 1.
        seed: of the noise on the gradient, if the surface has any.
    """
    point = torch.tensor(surface.start, dtype=torch.float64, requires_grad=True)
    return descend(surface, [point], make_optimizer([point]), steps, seed)[:, 0]


def descend(
    surface: Surface,
    points: list[Tensor],
    optimizer: torch.optim.Optimizer,
    steps: int,
    seed: int = 0,
) -> Tensor:
    """Let an optimizer move several points at once: [steps + 1, points, 2].

    All points see the same noise, so that they differ by their settings alone.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    generator = torch.Generator().manual_seed(seed)
    path = [torch.stack(points).detach()]
    for _ in range(steps):
        # One gradient for all: several times faster than one backward pass through each point.
        now = path[-1].requires_grad_()
        (gradient,) = torch.autograd.grad(surface(now).sum(), now)
        if surface.noise:
            gradient += surface.noise * torch.randn(2, generator=generator, dtype=now.dtype)
        for point, its_gradient in zip(points, gradient, strict=True):
            point.grad = its_gradient
        optimizer.step()
        path.append(torch.stack(points).detach())
    return torch.stack(path).detach()


def draw_contours(ax: Axes, surface: Surface) -> None:
    """Draw contour lines in grey, with a star at each minimum; limits as the surface has them."""
    ax.contour(*surface.grid(), levels=surface.levels(), colors="#888888", linewidths=0.6)
    for x, y in surface.minima:
        ax.plot(x, y, marker="*", markersize=11, color="black", linestyle="none")
    ax.set(xlim=surface.xlim, ylim=surface.ylim)
    ax.grid(False)


def _ravine(point: Tensor) -> Tensor:
    x, y = point.unbind(-1)
    return (x**2 + 50 * y**2) / 2


def _rosenbrock(point: Tensor) -> Tensor:
    x, y = point.unbind(-1)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _beale(point: Tensor) -> Tensor:
    x, y = point.unbind(-1)
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def _saddle(point: Tensor) -> Tensor:
    x, y = point.unbind(-1)
    return x**2 - y**2 + y**4 / 4


def _bowl(point: Tensor) -> Tensor:
    x, y = point.unbind(-1)
    return x**2 + 1.6 * x * y + y**2


RAVINE = Surface(
    name="Ravine",
    formula=r"\frac{1}{2} (x^2 + 50 y^2)",
    function=_ravine,
    start=(-4.0, 1.0),
    minima=((0.0, 0.0),),
    xlim=(-5.0, 3.0),
    ylim=(-1.5, 1.5),
    note="50 times as steep across as along: condition number 50, axes along x and y.",
)
ROSENBROCK = Surface(
    name="Rosenbrock",
    formula=r"(1 - x)^2 + 100 (y - x^2)^2",
    function=_rosenbrock,
    start=(-1.2, 1.0),
    minima=((1.0, 1.0),),
    xlim=(-2.0, 2.0),
    ylim=(-1.0, 3.0),
    note="A curved valley: its floor is nearly flat, and no coordinate runs along it.",
)
BEALE = Surface(
    name="Beale",
    formula=r"(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2",
    function=_beale,
    start=(1.0, 1.5),
    minima=((3.0, 0.5),),
    xlim=(-1.0, 4.5),
    ylim=(-2.0, 2.0),
    note="Steep walls around a wide flat floor: gradients differ by orders of magnitude.",
)
SADDLE = Surface(
    name="Saddle",
    formula=r"x^2 - y^2 + \frac{1}{4} y^4",
    function=_saddle,
    start=(-1.5, 1e-3),
    minima=((0.0, 2**0.5), (0.0, -(2**0.5))),
    xlim=(-2.0, 2.0),
    ylim=(-2.2, 2.2),
    note="The start lies 0.001 off the ridge y = 0, which leads to a saddle point at (0, 0).",
)
NOISY_QUADRATIC = Surface(
    name="Noisy quadratic",
    formula=r"x^2 + 1.6 xy + y^2",
    function=_bowl,
    start=(-2.5, 0.5),
    minima=((0.0, 0.0),),
    xlim=(-3.0, 2.0),
    ylim=(-1.5, 2.5),
    noise=1.0,
    note="Every coordinate of every gradient has normal noise of standard deviation 1.",
)
SURFACES = (RAVINE, ROSENBROCK, BEALE, SADDLE, NOISY_QUADRATIC)
