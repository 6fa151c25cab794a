"""The functions that optimizers race on, against closed forms and finite differences."""

from __future__ import annotations

import math
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import Tensor

from course_utils.surfaces import (
    BEALE,
    NOISY_QUADRATIC,
    RAVINE,
    ROSENBROCK,
    SADDLE,
    SURFACES,
    Surface,
    descend,
    draw_contours,
    trajectory,
)

EACH = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)


def at(x: float, y: float) -> Tensor:
    return torch.tensor([x, y], dtype=torch.float64)


def gradient(surface: Surface, points: Tensor) -> Tensor:
    points = points.clone().requires_grad_()
    return torch.autograd.grad(surface(points).sum(), points)[0]


def hessian(surface: Surface, point: Tensor) -> Tensor:
    found: Tensor = torch.autograd.functional.hessian(surface, point)
    return found


def somewhere(surface: Surface, count: int = 50) -> Tensor:
    """Points inside what is drawn."""
    random = np.random.default_rng(0).uniform(size=(count, 2))
    low, high = np.array([surface.xlim, surface.ylim]).T
    return torch.tensor(low + random * (high - low))


# Values and gradients


def test_values() -> None:
    x, y = 1.5, -0.7
    assert float(RAVINE(at(x, y))) == pytest.approx((x * x + 50 * y * y) / 2)
    assert float(ROSENBROCK(at(x, y))) == pytest.approx((1 - x) ** 2 + 100 * (y - x * x) ** 2)
    beale = sum((c - x + x * y**n) ** 2 for n, c in ((1, 1.5), (2, 2.25), (3, 2.625)))
    assert float(BEALE(at(x, y))) == pytest.approx(beale)
    assert float(SADDLE(at(x, y))) == pytest.approx(x * x - y * y + y**4 / 4)
    assert float(NOISY_QUADRATIC(at(x, y))) == pytest.approx(x * x + 1.6 * x * y + y * y)


@EACH
def test_one_call_takes_many_points(surface: Surface) -> None:
    points = somewhere(surface, 6)
    assert surface(points.reshape(2, 3, 2)).shape == (2, 3)
    for point, value in zip(points, surface(points), strict=True):
        assert float(surface(point)) == pytest.approx(float(value))


@EACH
def test_the_formula_is_the_function(surface: Surface) -> None:
    """The LaTeX that readers see, evaluated."""
    python = surface.formula.replace(r"\frac{1}{2}", "0.5*").replace(r"\frac{1}{4}", "0.25*")
    python = python.replace("^", "**").replace("xy", "x*y").replace(") (", ")*(")
    for before, after in (("50 y", "50*y"), ("100 (", "100*("), ("1.6 x", "1.6*x")):
        python = python.replace(before, after)
    for x, y in somewhere(surface, 5).tolist():
        assert eval(python, {"x": x, "y": y}) == pytest.approx(float(surface(at(x, y))))


def test_the_formula_without_latex() -> None:
    assert SADDLE.formula_html == (
        "<i>f</i>(<i>x</i>, <i>y</i>) = <i>x</i><sup>2</sup> − <i>y</i><sup>2</sup> + "
        "¼ <i>y</i><sup>4</sup>"
    )
    for surface in SURFACES:
        assert not set("\\^{}-") & set(surface.formula_html)


@EACH
def test_gradients_are_those_of_finite_differences(surface: Surface) -> None:
    points, step = somewhere(surface), 1e-5
    numeric = torch.stack(
        [(surface(points + h) - surface(points - h)) / (2 * step) for h in step * torch.eye(2)],
        dim=-1,
    )
    torch.testing.assert_close(gradient(surface, points), numeric, rtol=1e-5, atol=1e-5)


# Minima


@EACH
def test_minima_are_minima(surface: Surface) -> None:
    minima = torch.tensor(surface.minima, dtype=torch.float64)
    assert surface.minimum == surface.minima[0]
    assert gradient(surface, minima).abs().max() < 1e-12
    for point in minima:
        assert float(surface(point)) == pytest.approx(surface.lowest, abs=1e-12)
        assert torch.linalg.eigvalsh(hessian(surface, point)).min() > 0
    assert surface(somewhere(surface, 10_000)).min() >= surface.lowest


def test_lowest_values() -> None:
    lowest = [surface.lowest for surface in SURFACES]
    assert lowest == pytest.approx([0, 0, 0, -1, 0])


def test_a_surface_without_a_minimum() -> None:
    slope = Surface("Slope", "x", lambda p: p[..., 0], (0.0, 0.0), (), (-1.0, 1.0), (-1.0, 1.0))
    assert slope.minimum is None
    with pytest.raises(ValueError, match="'Slope' has no minimum"):
        _ = slope.lowest
    assert (np.diff(slope.levels()) > 0).all()


@EACH
def test_start_and_minima_are_in_the_picture(surface: Surface) -> None:
    for x, y in (surface.start, *surface.minima):
        assert surface.xlim[0] < x < surface.xlim[1]
        assert surface.ylim[0] < y < surface.ylim[1]


# What the notes say


def test_the_ravine_has_condition_number_50() -> None:
    along, across = torch.linalg.eigvalsh(hessian(RAVINE, at(1, 1)))
    assert float(across / along) == pytest.approx(50)


def test_the_floor_of_the_curved_valley_is_flat() -> None:
    """Along y = x^2 the slope is less than a fiftieth of that half a unit beside it."""
    x, _ = ROSENBROCK.start
    along = at(1, 2 * x) / math.hypot(1, 2 * x)
    floor = gradient(ROSENBROCK, at(x, x * x)) @ along
    wall = gradient(ROSENBROCK, at(x, x * x + 0.5)).norm()
    assert abs(floor) < 0.02 * wall
    assert abs(float(along[0])) > 0.1
    assert abs(float(along[1])) > 0.1


def test_gradients_of_beale_differ_by_orders_of_magnitude() -> None:
    sizes = gradient(BEALE, somewhere(BEALE, 1000)).norm(dim=-1)
    assert sizes.quantile(0.99) > 100 * sizes.quantile(0.1)


def test_the_saddle_starts_just_off_the_ridge() -> None:
    _, y = SADDLE.start
    assert 0 < y <= 1e-3
    assert gradient(SADDLE, at(0, 0)).tolist() == [0, 0]
    assert torch.linalg.eigvalsh(hessian(SADDLE, at(0, 0))).tolist() == pytest.approx([-2, 2])


# Trajectories


def test_gradient_descent_on_the_ravine_has_a_closed_form() -> None:
    path = trajectory(RAVINE, lambda p: torch.optim.SGD(p, lr=0.03), steps=20)
    n = torch.arange(21, dtype=torch.float64)
    x, y = RAVINE.start
    torch.testing.assert_close(path[:, 0], x * 0.97**n)
    torch.testing.assert_close(path[:, 1], y * (1 - 1.5) ** n)
    assert not path.requires_grad


def test_noise_is_on_the_gradient_and_repeats_with_the_seed() -> None:
    def noise(seed: int) -> Tensor:
        path = trajectory(NOISY_QUADRATIC, lambda p: torch.optim.SGD(p, lr=0.1), 400, seed)
        return -(path[1:] - path[:-1]) / 0.1 - gradient(NOISY_QUADRATIC, path[:-1])

    assert torch.equal(noise(0), noise(0))
    assert not torch.allclose(noise(0), noise(1))
    generator = torch.Generator().manual_seed(3)
    drawn = [torch.randn(2, generator=generator, dtype=torch.float64) for _ in range(400)]
    torch.testing.assert_close(noise(3), NOISY_QUADRATIC.noise * torch.stack(drawn))
    assert NOISY_QUADRATIC.noise == 1  # as its note says


def test_several_points_move_as_each_alone_would() -> None:
    rates = (0.001, 0.1, 3.0)
    points = [at(*NOISY_QUADRATIC.start).requires_grad_() for _ in rates]
    groups = [{"params": [p], "lr": r} for p, r in zip(points, rates, strict=True)]
    together = descend(NOISY_QUADRATIC, points, torch.optim.Adam(groups), 30, seed=2)
    assert together.shape == (31, 3, 2)
    for number, rate in enumerate(rates):
        alone = trajectory(NOISY_QUADRATIC, partial(torch.optim.Adam, lr=rate), 30, seed=2)
        torch.testing.assert_close(together[:, number], alone, rtol=1e-12, atol=1e-12)


def test_a_point_that_blows_up_leaves_the_others_alone() -> None:
    points = [torch.tensor(ROSENBROCK.start, dtype=torch.float64) for _ in range(2)]
    groups = [
        {"params": [p.requires_grad_()], "lr": r} for p, r in zip(points, (1e-3, 1.0), strict=True)
    ]
    path = descend(ROSENBROCK, points, torch.optim.SGD(groups), 50)
    assert path[:, 0].isfinite().all()
    assert not path[-1, 1].isfinite().any()


def test_wrong_number_of_steps() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        trajectory(RAVINE, lambda p: torch.optim.SGD(p), 0)


# Pictures


@EACH
def test_levels_are_closer_together_the_lower_they_are(surface: Surface) -> None:
    heights = surface.levels() - surface.lowest
    assert len(heights) == 8
    np.testing.assert_allclose(heights[1:] / heights[:-1], 10**0.5)
    assert surface.grid()[2].max() - surface.lowest == pytest.approx(heights[-1] * 10**0.5)


def test_contours_are_drawn_where_the_function_has_their_values() -> None:
    ax = plt.figure().gca()
    draw_contours(ax, SADDLE)
    (lines,) = ax.collections
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        values = SADDLE(torch.tensor(path.vertices)).numpy()
        assert abs(values - level).max() < 0.05 * (level - SADDLE.lowest) + 0.001
    assert (ax.get_xlim(), ax.get_ylim()) == (SADDLE.xlim, SADDLE.ylim)
    stars = [line.get_xydata()[0].tolist() for line in ax.lines]
    assert stars == [list(point) for point in SADDLE.minima]
    plt.close("all")
