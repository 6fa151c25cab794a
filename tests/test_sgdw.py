"""`SGDW` against the paper's algorithm, written out, and against `torch.optim.SGD`."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR

from course_utils.ensemble import train
from course_utils.optim import SGDW


def paper(
    x: Tensor,
    gradients: Sequence[Tensor],
    etas: Sequence[float],
    alpha: float,
    beta: float,
    decay: float,
) -> list[Tensor]:
    """Algorithm 1 of Loshchilov and Hutter 2019, lines 6 to 9, with decoupled decay."""
    m, path = torch.zeros_like(x), []
    for g, eta in zip(gradients, etas, strict=True):
        m = beta * m + eta * alpha * g
        x = x - m - eta * decay * x
        path.append(x)
    return path


def noise(steps: int = 60) -> Tensor:
    return torch.randn(steps, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def follow(
    optimizer: torch.optim.Optimizer, gradients: Tensor, scheduler: object = None
) -> list[Tensor]:
    (x,) = optimizer.param_groups[0]["params"]
    path = []
    for g in gradients:
        x.grad = g.clone()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()  # type: ignore[attr-defined]
        path.append(x.detach().clone())
    return path


def largest_difference(a: list[Tensor], b: list[Tensor]) -> float:
    return float((torch.stack(a) - torch.stack(b)).abs().max())


def start() -> nn.Parameter:
    return nn.Parameter(noise()[0] + 2)


@pytest.mark.parametrize("beta", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("tensor_lr", [False, True])
def test_it_is_the_recursion_of_the_paper(beta: float, decay: float, tensor_lr: bool) -> None:
    x = start()
    lr = torch.tensor(0.1, dtype=torch.float64) if tensor_lr else 0.1
    optimizer = SGDW([x], lr=lr, momentum=beta, weight_decay=decay)
    expected = paper(x.detach().clone(), list(noise()), [1.0] * 60, 0.1, beta, decay)
    assert largest_difference(follow(optimizer, noise()), expected) <= 1e-12


@pytest.mark.parametrize("tensor_lr", [False, True])
def test_a_schedule_of_pytorch_is_the_eta_of_the_paper(tensor_lr: bool) -> None:
    etas = [0.5 * (1 + math.cos(math.pi * t / 60)) for t in range(60)]
    x = start()
    lr = torch.tensor(0.1, dtype=torch.float64) if tensor_lr else 0.1
    optimizer = SGDW([x], lr=lr, momentum=0.9, weight_decay=0.05)
    expected = paper(x.detach().clone(), list(noise()), etas, 0.1, 0.9, 0.05)
    path = follow(optimizer, noise(), CosineAnnealingLR(optimizer, T_max=60))
    assert largest_difference(path, expected) <= 1e-12


def test_a_warm_up_from_nothing_decays_nothing_at_first() -> None:
    optimizer = SGDW([x := start()], lr=0.1, weight_decay=0.5)
    before = x.detach().clone()
    LambdaLR(optimizer, lambda step: min(step / 10, 1))
    x.grad = torch.ones_like(x)
    optimizer.step()
    assert torch.equal(x.detach(), before)


@pytest.mark.parametrize("lr", [0.0, 1e-3, 10.0])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_without_gradient_neither_lr_nor_momentum_matter(lr: float, momentum: float) -> None:
    x = start()
    expected = x.detach() * 0.95**60
    path = follow(SGDW([x], lr=lr, momentum=momentum, weight_decay=0.05), torch.zeros_like(noise()))
    assert torch.allclose(path[-1], expected, rtol=1e-12, atol=0)


def test_without_decay_and_at_a_constant_rate_it_is_sgd() -> None:
    x, y = start(), start()
    mine = follow(SGDW([x], lr=0.1, momentum=0.9), noise())
    other = follow(torch.optim.SGD([y], lr=0.1, momentum=0.9), noise())
    assert largest_difference(mine, other) <= 1e-12


def test_without_momentum_it_is_sgd_with_weight_decay_divided_by_lr() -> None:
    x, y = start(), start()  # proposition 1 of the paper
    mine = follow(SGDW([x], lr=0.1, weight_decay=0.05), noise())
    other = follow(torch.optim.SGD([y], lr=0.1, weight_decay=0.05 / 0.1), noise())
    assert largest_difference(mine, other) <= 1e-12


def test_maximize_turns_the_gradient_and_not_the_decay() -> None:
    x, y = start(), start()
    mine = follow(SGDW([x], lr=0.1, weight_decay=0.05, maximize=True), noise())
    other = follow(SGDW([y], lr=0.1, weight_decay=0.05), -noise())
    assert largest_difference(mine, other) == 0.0


def test_groups_have_their_own_alpha_and_one_added_later_too() -> None:
    x, y = start(), start()
    optimizer = SGDW([{"params": [x], "lr": 0.1}], lr=0.5, momentum=0.9, weight_decay=0.05)
    optimizer.add_param_group({"params": [y], "lr": 0.2})
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.1, 0.2]
    for group in optimizer.param_groups:
        group["lr"] *= 0.5
    expected = [
        paper(p.detach().clone(), [noise()[1]], [0.5], a, 0.9, 0.05)[0]
        for p, a in ((x, 0.1), (y, 0.2))
    ]
    for p in (x, y):
        p.grad = noise()[1].clone()
    optimizer.step()
    assert largest_difference([x.detach(), y.detach()], expected) <= 1e-12


def test_a_given_initial_lr_is_kept() -> None:
    optimizer = SGDW([{"params": [x := start()], "initial_lr": 0.4}], lr=0.1, weight_decay=0.2)
    x.grad = torch.zeros_like(x)
    expected = x.detach() * (1 - 0.25 * 0.2)
    optimizer.step()
    assert torch.allclose(x.detach(), expected, rtol=1e-12, atol=0)


def test_a_loaded_state_goes_on() -> None:
    x = start()
    optimizer = SGDW([x], lr=0.1, momentum=0.9, weight_decay=0.05)
    whole = follow(optimizer, noise())
    y = start()
    first = SGDW([y], lr=0.1, momentum=0.9, weight_decay=0.05)
    follow(first, noise()[:30])
    saved = copy.deepcopy(first.state_dict())
    saved["param_groups"][0]["lr"] = 0.1
    second = SGDW([y], lr=7.0)
    second.load_state_dict(saved)
    assert largest_difference(follow(second, noise()[30:]), whole[30:]) == 0.0


def test_complex_numbers_are_pairs_of_real_ones() -> None:
    pairs = noise()[:, :, :2].contiguous()
    x, y = nn.Parameter(torch.view_as_complex(pairs[0].clone())), nn.Parameter(pairs[0].clone())
    make = partial(SGDW, lr=0.1, momentum=0.9, weight_decay=0.05)
    mine = follow(make([x]), torch.view_as_complex(pairs))
    other = follow(make([y]), pairs)
    assert largest_difference([torch.view_as_real(z) for z in mine], other) == 0.0


@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay"])
def test_negative_numbers_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Invalid"):
        SGDW([start()], **{name: -0.1})


def test_members_of_an_ensemble_do_not_mix() -> None:
    data = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2
    make = partial(SGDW, lr=0.1, momentum=0.9, weight_decay=0.01)

    def model(seed: int) -> nn.Linear:
        torch.manual_seed(seed)
        return nn.Linear(3, 2)

    together, alone = [model(0), model(1)], [model(1)]
    train(together, data, seeds=[0, 1], optimizer=make, steps=20, batch_size=5)
    train(alone, data, seeds=[1], optimizer=make, steps=20, batch_size=5)
    assert torch.allclose(together[1].weight, alone[0].weight, atol=1e-6)
