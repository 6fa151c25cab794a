"""Learning-rate schedules as pure functions of the step.

Each gives the rate of update number `step`, 0 for the first, with the argument names and defaults
of its twin in `torch.optim.lr_scheduler`. In a loop::

    for group in optimizer.param_groups:
        group["lr"] = cosine(step, lr=0.1, T_max=steps)

or as a scheduler: ``LambdaLR(optimizer, partial(cosine, lr=1.0, T_max=steps))``, where ``lr=1.0``
leaves the size to the optimizer. Every function raises ValueError for a negative step or rate
and for other arguments out of range, TypeError for counts that are no integers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Literal

from course_utils.arguments import check_counts

Schedule = Callable[[int], float]


def step_decay(step: int, *, lr: float, step_size: int, gamma: float = 0.1) -> float:
    """Multiply the rate by `gamma` every `step_size` steps: lr gamma^floor(step / step_size).

    Twin: `torch.optim.lr_scheduler.StepLR`.

    >>> [step_decay(t, lr=1.0, step_size=2, gamma=0.5) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    _check_not_negative(step=step, lr=lr, gamma=gamma)
    check_counts(step_size=step_size)
    return lr * gamma ** (step // step_size)


def multi_step(step: int, *, lr: float, milestones: Sequence[int], gamma: float = 0.1) -> float:
    """Multiply the rate by `gamma` at each milestone, counts of steps of at least 1.

    Twin: `torch.optim.lr_scheduler.MultiStepLR`.

    >>> [multi_step(t, lr=1.0, milestones=[1, 3], gamma=0.5) for t in range(5)]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """
    _check_not_negative(step=step, lr=lr, gamma=gamma)
    for milestone in milestones:
        check_counts(milestones=milestone)
    return lr * gamma ** sum(milestone <= step for milestone in milestones)


def exponential(step: int, *, lr: float, gamma: float) -> float:
    """Multiply the rate by `gamma` every step: lr gamma^step.

    Twin: `torch.optim.lr_scheduler.ExponentialLR`.
    """
    _check_not_negative(step=step, lr=lr, gamma=gamma)
    return lr * gamma**step


def polynomial(step: int, *, lr: float, total_iters: int = 5, power: float = 1.0) -> float:
    """Fall to 0 as lr (1 - step / total_iters)^power, and stay there.

    Twin: `torch.optim.lr_scheduler.PolynomialLR`.
    """
    _check_not_negative(step=step, lr=lr, power=power)
    check_counts(total_iters=total_iters)
    return lr * math.pow(1 - min(step, total_iters) / total_iters, power)


def cosine(step: int, *, lr: float, T_max: int, eta_min: float = 0.0) -> float:
    """Fall from `lr` to `eta_min` along half a cosine in `T_max` steps.

    eta_min + (lr - eta_min) (1 + cos(pi step / T_max)) / 2. Past `T_max` it climbs back to `lr`, as
    its twin `torch.optim.lr_scheduler.CosineAnnealingLR` does.

    >>> [round(cosine(t, lr=1.0, T_max=2), 3) for t in range(5)]
    [1.0, 0.5, 0.0, 0.5, 1.0]
    """
    _check_not_negative(step=step, lr=lr, eta_min=eta_min)
    check_counts(T_max=T_max)
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * step / T_max)) / 2


def cosine_warm_restarts(
    step: int, *, lr: float, T_0: int, T_mult: int = 1, eta_min: float = 0.0
) -> float:
    """Fall along a cosine, jump back to `lr`, fall again; each fall `T_mult` times the last one.

    The first takes `T_0` steps. Twin: `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`.
    Source: Loshchilov and Hutter 2017.

    >>> [round(cosine_warm_restarts(t, lr=1.0, T_0=2), 3) for t in range(5)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """
    _check_not_negative(step=step)
    check_counts(T_0=T_0, T_mult=T_mult)
    length = T_0
    while step >= length:
        step -= length
        length *= T_mult
    return cosine(step, lr=lr, T_max=length, eta_min=eta_min)


def cyclic(
    step: int,
    *,
    base_lr: float,
    max_lr: float,
    step_size_up: int = 2000,
    step_size_down: int | None = None,
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
    gamma: float = 1.0,
) -> float:
    """Rise and fall between `base_lr` and `max_lr` along straight lines, again and again.

    `step_size_up` steps up, `step_size_down` (as many, if None) down. The height of the triangle
    stays ("triangular"), halves after each cycle ("triangular2") or shrinks by gamma^step
    ("exp_range"). Twin: `torch.optim.lr_scheduler.CyclicLR`, whose momentum is this function with
    ``base_lr=max_momentum, max_lr=base_momentum``. Source: Smith 2017.

    >>> [cyclic(t, base_lr=0.0, max_lr=1.0, step_size_up=2) for t in range(6)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]
    """
    _check_not_negative(step=step, base_lr=base_lr, max_lr=max_lr, gamma=gamma)
    up, down = step_size_up, step_size_up if step_size_down is None else step_size_down
    check_counts(step_size_up=up, step_size_down=down)
    cycle, place = divmod(step, up + down)
    heights = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": gamma**step}
    if mode not in heights:
        raise ValueError(f"mode must be one of {sorted(heights)}, got {mode!r}")
    triangle = place / up if place <= up else (up + down - place) / down
    return base_lr + (max_lr - base_lr) * triangle * heights[mode]


def one_cycle(
    step: int,
    *,
    max_lr: float,
    total_steps: int,
    pct_start: float = 0.3,
    anneal_strategy: Literal["cos", "linear"] = "cos",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> float:
    """Rise from max_lr / div_factor to `max_lr`, then fall far below the start.

    `pct_start` is the share of the rise; the last rate is max_lr / div_factor / final_div_factor.
    With `three_phase` the fall first mirrors the rise. Twin: `torch.optim.lr_scheduler.OneCycleLR`,
    whose momentum is this function with ``max_lr=base_momentum,
    div_factor=base_momentum / max_momentum, final_div_factor=1``. Raises ValueError also for a
    step above `total_steps`; at `total_steps`, which a scheduler asks for after the last update,
    the rate is the last one. Source: Smith and Topin 2019.

    >>> [round(one_cycle(t, max_lr=1.0, total_steps=10), 3) for t in (0, 1, 2, 9)]
    [0.04, 0.52, 1.0, 0.0]
    """
    _check_not_negative(step=step, max_lr=max_lr)
    check_counts(total_steps=total_steps)
    if step > total_steps:
        raise ValueError(f"step must be at most total_steps={total_steps}, got {step}")
    if not 0 <= pct_start <= 1:
        raise ValueError(f"pct_start must lie in [0, 1], got {pct_start}")
    if anneal_strategy not in ("cos", "linear"):
        raise ValueError(f'anneal_strategy must be "cos" or "linear", got {anneal_strategy!r}')
    if min(div_factor, final_div_factor) <= 0:
        raise ValueError(
            "div_factor and final_div_factor must be above 0, "
            f"got {div_factor} and {final_div_factor}"
        )
    first_lr = max_lr / div_factor
    rise, last = pct_start * total_steps - 1, total_steps - 1
    points: list[tuple[float, float]] = [(0, first_lr), (rise, max_lr)]
    if three_phase:
        points.append((2 * rise, first_lr))
    points.append((last, first_lr / final_div_factor))
    return _through(points, min(step, last), anneal_strategy)


def warmup(schedule: Schedule, steps: int, start_factor: float = 1 / 3) -> Schedule:
    """Return a schedule that first rises to the start of another one, and then follows it.

    For `steps` steps the rate grows linearly from start_factor * schedule(0) to schedule(0); step
    `steps` is step 0 of `schedule`. Twin: `torch.optim.lr_scheduler.SequentialLR` of a `LinearLR`
    and the schedule. Raises ValueError unless steps >= 1 and 0 < start_factor <= 1.

    >>> rate = warmup(lambda step: 1.0, steps=2, start_factor=0.5)
    >>> [rate(t) for t in range(4)]
    [0.5, 0.75, 1.0, 1.0]
    """
    check_counts(steps=steps)
    if not 0 < start_factor <= 1:
        raise ValueError(f"start_factor must lie in (0, 1], got {start_factor}")

    def warmed_up(step: int) -> float:
        _check_not_negative(step=step)
        if step >= steps:
            return schedule(step - steps)
        return schedule(0) * (start_factor + (1 - start_factor) * step / steps)

    return warmed_up


def _through(points: list[tuple[float, float]], step: float, anneal_strategy: str) -> float:
    """The value at `step` of a curve through points (step, value)."""
    pieces = list(itertools.pairwise(points))
    # A piece that ends before it starts belongs to a rise of no steps; the next one goes on.
    (start, a), (end, b) = next((piece for piece in pieces if step <= piece[1][0]), pieces[-1])
    left = (end - step) / (end - start) if end > start else 0.0
    if anneal_strategy == "cos":
        left = (1 - math.cos(math.pi * left)) / 2
    return b + (a - b) * left


def _check_not_negative(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be non-negative and finite, got {value}")
