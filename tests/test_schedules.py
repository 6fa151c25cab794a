"""Schedules against torch.optim.lr_scheduler, in float64 over more than 200 steps."""

from __future__ import annotations

import itertools
import math
import warnings
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from course_utils import schedules
from course_utils.schedules import (
    cosine,
    cosine_warm_restarts,
    cyclic,
    exponential,
    multi_step,
    one_cycle,
    polynomial,
    step_decay,
    warmup,
)

STEPS = 450
LR = 0.3


def of_torch(scheduler: Any, steps: int = STEPS, value: str = "lr") -> list[float]:
    """What a scheduler of PyTorch writes into the optimizer for updates 0, 1, ..."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=LR, momentum=0.9)
    values: list[float] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR calls its parts by epoch
        schedule = scheduler(optimizer)
        values.append(optimizer.param_groups[0][value])
        for _ in range(steps - 1):
            optimizer.step()
            schedule.step()
            values.append(optimizer.param_groups[0][value])
    return values


def agree(ours: Any, theirs: list[float]) -> None:
    values = [ours(step) for step in range(len(theirs))]
    # Close to 0 a rate is a difference of numbers of the size of LR, whose rounding is left.
    assert values == pytest.approx(theirs, rel=1e-12, abs=1e-12 * LR)


def grid(**options: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(options, row, strict=True)) for row in itertools.product(*options.values())]


CASES = {
    (step_decay, lr_scheduler.StepLR): grid(step_size=[1, 7, 100, 1000], gamma=[0.1, 0.9, 1.0]),
    (multi_step, lr_scheduler.MultiStepLR): grid(
        milestones=[[1], [30, 80], [80, 30], [5, 5, 200], [1000], []], gamma=[0.1, 0.5]
    ),
    (exponential, lr_scheduler.ExponentialLR): grid(gamma=[0.9, 0.99, 1.0, 1.001]),
    (polynomial, lr_scheduler.PolynomialLR): grid(
        total_iters=[1, 5, 100, 1000], power=[0.5, 1.0, 2.0, 3.5]
    ),
    (cosine, lr_scheduler.CosineAnnealingLR): grid(
        T_max=[1, 2, 7, 50, 100, 1000], eta_min=[0.0, 0.01, 0.3]
    ),
    (cosine_warm_restarts, lr_scheduler.CosineAnnealingWarmRestarts): grid(
        T_0=[1, 7, 50], T_mult=[1, 2, 3], eta_min=[0.0, 0.01]
    ),
}


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        pytest.param(*pair, options, id=f"{pair[0].__name__}-{i}")
        for pair, every in CASES.items()
        for i, options in enumerate(every)
    ],
)
def test_equals_torch(ours: Any, theirs: Any, options: dict[str, Any]) -> None:
    agree(partial(ours, lr=LR, **options), of_torch(partial(theirs, **options)))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (step_decay, partial(lr_scheduler.StepLR, step_size=9)),
        (multi_step, partial(lr_scheduler.MultiStepLR, milestones=[9])),
        (polynomial, lr_scheduler.PolynomialLR),
        (cosine, partial(lr_scheduler.CosineAnnealingLR, T_max=9)),
        (cosine_warm_restarts, partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=9)),
    ],
)
def test_defaults_are_those_of_torch(ours: Any, theirs: Any) -> None:
    agree(partial(ours, lr=LR, **getattr(theirs, "keywords", {})), of_torch(theirs))


CYCLES = grid(
    base_lr=[0.0, 0.05],
    max_lr=[0.5],
    step_size_up=[1, 10, 33],
    step_size_down=[None, 1, 25],
    mode=["triangular", "triangular2", "exp_range"],
    gamma=[1.0, 0.99],
)


@pytest.mark.parametrize("options", CYCLES)
def test_cyclic_equals_torch(options: dict[str, Any]) -> None:
    scheduler = partial(lr_scheduler.CyclicLR, cycle_momentum=False, **options)
    agree(partial(cyclic, **options), of_torch(scheduler))


def test_cyclic_has_the_defaults_and_the_momentum_of_torch() -> None:
    agree(
        partial(cyclic, base_lr=0.1, max_lr=0.2),
        of_torch(partial(lr_scheduler.CyclicLR, base_lr=0.1, max_lr=0.2), steps=6000),
    )
    options: dict[str, Any] = {"step_size_up": 20, "step_size_down": 50, "mode": "triangular2"}
    scheduler = partial(
        lr_scheduler.CyclicLR,
        base_lr=0.1,
        max_lr=0.2,
        base_momentum=0.8,
        max_momentum=0.95,
        **options,
    )
    agree(
        partial(cyclic, base_lr=0.95, max_lr=0.8, **options), of_torch(scheduler, value="momentum")
    )


ONE_CYCLES = grid(
    total_steps=[1, 7, 10, 250],
    pct_start=[0.0, 0.1, 0.3, 0.45, 0.8, 1.0],
    anneal_strategy=["cos", "linear"],
    div_factor=[25.0, 1.0],
    final_div_factor=[1e4, 10.0],
    three_phase=[False, True],
)


def peak_has_no_width(options: dict[str, Any]) -> bool:
    """PyTorch divides 0 by 0 when the rise ends at step 0."""
    return options["pct_start"] * options["total_steps"] == 1


@pytest.mark.parametrize("options", [o for o in ONE_CYCLES if not peak_has_no_width(o)])
def test_one_cycle_equals_torch(options: dict[str, Any]) -> None:
    scheduler = partial(lr_scheduler.OneCycleLR, max_lr=0.7, **options)
    agree(partial(one_cycle, max_lr=0.7, **options), of_torch(scheduler, options["total_steps"]))


def test_one_cycle_has_the_defaults_and_the_momentum_of_torch() -> None:
    for three_phase in (False, True):
        scheduler = partial(
            lr_scheduler.OneCycleLR, max_lr=0.7, total_steps=250, three_phase=three_phase
        )
        agree(
            partial(one_cycle, max_lr=0.7, total_steps=250, three_phase=three_phase),
            of_torch(scheduler, 250),
        )
        momentum = partial(
            one_cycle,
            max_lr=0.85,
            total_steps=250,
            div_factor=0.85 / 0.95,
            final_div_factor=1,
            three_phase=three_phase,
        )
        agree(momentum, of_torch(scheduler, 250, value="momentum"))


def test_one_cycle_where_torch_divides_by_zero_or_leaves_the_curve() -> None:
    options: dict[str, Any] = {"max_lr": 1.0, "anneal_strategy": "linear"}
    assert one_cycle(0, total_steps=10, pct_start=0.1, **options) == 1.0  # no steps to rise
    last, after = (one_cycle(step, total_steps=10, **options) for step in (9, 10))
    assert last == after == pytest.approx(1 / 25 / 1e4, rel=1e-12)


@pytest.mark.parametrize("steps", [1, 5, 40])
@pytest.mark.parametrize("start_factor", [0.01, 1 / 3, 1.0])
def test_warmup_equals_sequential_lr(steps: int, start_factor: float) -> None:
    def scheduler(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        rise = lr_scheduler.LinearLR(optimizer, start_factor, total_iters=steps)
        fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=500)
        return lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[steps])

    agree(warmup(partial(cosine, lr=LR, T_max=500), steps, start_factor), of_torch(scheduler))


def test_warmup_has_the_start_factor_of_linear_lr() -> None:
    theirs = of_torch(partial(lr_scheduler.LinearLR, total_iters=9))
    agree(warmup(lambda step: LR, 9), theirs)


def test_cosine_past_t_max_climbs_back_as_closed_form_and_recursion_do() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=40, eta_min=0.01)
    for step in range(1, 201):
        optimizer.step()
        scheduler.step()
        ours = cosine(step, lr=LR, T_max=40, eta_min=0.01)
        assert scheduler.get_last_lr()[0] == pytest.approx(ours, rel=1e-12)
        assert scheduler._get_closed_form_lr()[0] == pytest.approx(ours, rel=1e-12)
    assert cosine(40, lr=LR, T_max=40) < 1e-15
    assert cosine(60, lr=LR, T_max=40) == pytest.approx(LR / 2)
    assert cosine(80, lr=LR, T_max=40) == pytest.approx(LR)


def test_as_lambda_lr_and_written_into_the_groups() -> None:
    scheduler = partial(lr_scheduler.LambdaLR, lr_lambda=partial(cosine, lr=1.0, T_max=60))
    agree(partial(cosine, lr=LR, T_max=60), of_torch(scheduler))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: step_decay(-1, lr=0.1, step_size=3), "step must be non-negative and finite"),
        (lambda: step_decay(0, lr=-0.1, step_size=3), "lr must be .* got -0.1"),
        (lambda: step_decay(0, lr=0.1, step_size=0), "step_size must be at least 1, got 0"),
        (lambda: step_decay(0, lr=0.1, step_size=3, gamma=-1), "gamma must be"),
        (lambda: multi_step(-1, lr=0.1, milestones=[3]), "step must be"),
        (lambda: multi_step(1, lr=0.1, milestones=[0, 3]), "milestones must be at least 1, got 0"),
        (lambda: exponential(0, lr=math.inf, gamma=0.9), "lr must be .* got inf"),
        (lambda: exponential(0, lr=1, gamma=math.nan), "gamma must be .* got nan"),
        (lambda: exponential(-2, lr=1, gamma=0.5), "step must be .* got -2"),
        (lambda: polynomial(0, lr=0.1, total_iters=0), "total_iters must be at least 1"),
        (lambda: polynomial(0, lr=0.1, power=-1), "power must be"),
        (lambda: cosine(-1, lr=0.1, T_max=5), "step must be"),
        (lambda: cosine(0, lr=0.1, T_max=0), "T_max must be at least 1"),
        (lambda: cosine(0, lr=0.1, T_max=5, eta_min=-1), "eta_min must be"),
        (lambda: cosine_warm_restarts(0, lr=0.1, T_0=0), "T_0 must be at least 1"),
        (lambda: cosine_warm_restarts(0, lr=0.1, T_0=5, T_mult=0), "T_mult must be at least 1"),
        (lambda: cosine_warm_restarts(-1, lr=0.1, T_0=5), "step must be"),
        (lambda: cyclic(-1, base_lr=0.1, max_lr=1), "step must be"),
        (lambda: cyclic(0, base_lr=-0.1, max_lr=1), "base_lr must be"),
        (lambda: cyclic(0, base_lr=0.1, max_lr=-1), "max_lr must be"),
        (lambda: cyclic(0, base_lr=0.1, max_lr=1, step_size_up=0), "step_size_up must be"),
        (lambda: cyclic(0, base_lr=0.1, max_lr=1, step_size_down=0), "step_size_down must be"),
        (lambda: cyclic(0, base_lr=0.1, max_lr=1, mode="square"), "mode must be one of"),
        (lambda: cyclic(0, base_lr=0.1, max_lr=1, gamma=-1), "gamma must be"),
        (lambda: one_cycle(-1, max_lr=1, total_steps=5), "step must be non-negative"),
        (lambda: one_cycle(6, max_lr=1, total_steps=5), "step must be at most total_steps=5"),
        (lambda: one_cycle(0, max_lr=-1, total_steps=5), "max_lr must be"),
        (lambda: one_cycle(0, max_lr=1, total_steps=0), "total_steps must be at least 1"),
        (lambda: one_cycle(0, max_lr=1, total_steps=5, pct_start=1.5), "pct_start must lie"),
        (lambda: one_cycle(0, max_lr=1, total_steps=5, anneal_strategy="exp"), "anneal_strategy"),
        (lambda: one_cycle(0, max_lr=1, total_steps=5, div_factor=0), "div_factor"),
        (lambda: one_cycle(0, max_lr=1, total_steps=5, final_div_factor=0), "final_div_factor"),
        (lambda: warmup(lambda step: 1.0, 0), "steps must be at least 1"),
        (lambda: warmup(lambda step: 1.0, 5, start_factor=0.0), "start_factor must lie in"),
        (lambda: warmup(lambda step: 1.0, 5, start_factor=1.1), "start_factor must lie in"),
        (lambda: warmup(lambda step: 1.0, 5)(-1), "step must be"),
    ],
)
def test_bad_arguments_are_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_counts_must_be_integers() -> None:
    with pytest.raises(TypeError, match="T_max must be an integer"):
        cosine(0, lr=0.1, T_max=2.5)  # type: ignore[arg-type]


def test_every_schedule_names_its_twin() -> None:
    functions = [f for n, f in vars(schedules).items() if callable(f) and not n.startswith("_")]
    ours = [f for f in functions if getattr(f, "__module__", "") == schedules.__name__]
    assert len(ours) == 9
    for function in ours:
        assert "torch.optim.lr_scheduler." in (function.__doc__ or "")
