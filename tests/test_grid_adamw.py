from functools import partial

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from course_utils.ensemble import train
from course_utils.grid_adamw import GridAdamW
from course_utils.models import mlp

RATES = torch.tensor([1e-3, 0.03, 0.3], dtype=torch.float64)
DECAYS = torch.tensor([0.0, 2.0, 0.1], dtype=torch.float64)
FINAL = torch.tensor([1.0, 0.1, 0.01], dtype=torch.float64)
STEPS = 20


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    return x, (x[:, 0] > 0).long()


def networks() -> list[torch.nn.Module]:
    torch.manual_seed(0)
    return [mlp(4, 5, 2).double() for _ in RATES]


@pytest.mark.parametrize("falls", [False, True])
def test_each_member_ends_where_torch_ends(falls: bool) -> None:
    ours, theirs = networks(), networks()
    final = RATES * FINAL if falls else None
    make = partial(GridAdamW, lr=RATES, weight_decay=DECAYS, lr_final=final, steps=STEPS)
    options = {"steps": STEPS, "batch_size": 10}
    train(ours, data(), seeds=[7] * 3, optimizer=make, **options)
    for i, network in enumerate(theirs):
        torch_adamw = partial(torch.optim.AdamW, lr=RATES[i].item(), weight_decay=DECAYS[i].item())
        ratio = FINAL[i].item() if falls else 1.0
        schedule = partial(LambdaLR, lr_lambda=lambda t, r=ratio: r ** (t / STEPS))
        train([network], data(), seeds=[7], optimizer=torch_adamw, schedule=schedule, **options)
    for one, other in zip(ours, theirs, strict=True):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-12)


def test_betas_and_eps_are_those_of_torch() -> None:
    start = torch.linspace(-1, 1, 6, dtype=torch.float64).view(2, 3)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    options = {"betas": (0.8, 0.9), "eps": 0.1}
    rates = torch.full((2,), 0.05, dtype=torch.float64)
    optimizers = [
        GridAdamW([ours], rates, 10 * rates, **options),
        torch.optim.AdamW([theirs], lr=0.05, weight_decay=0.5, **options),
    ]
    for step in range(5):
        for x, optimizer in zip((ours, theirs), optimizers, strict=True):
            x.grad = (step + 1) * x.detach() ** 2
            optimizer.step()
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)


def test_a_rate_of_zero_leaves_a_member_where_it_is() -> None:
    x = torch.nn.Parameter(torch.ones(2, 3))
    optimizer = GridAdamW([x], lr=torch.tensor([0.0, 0.1]), weight_decay=torch.ones(2))
    for _ in range(2):
        x.grad = torch.ones(2, 3)
        optimizer.step()
    assert torch.equal(x[0], torch.ones(3))
    assert torch.allclose(x[1], torch.full((3,), 0.62))  # 0.9 (0.9 - 0.1) - 0.1


def test_one_number_serves_all_members() -> None:
    start = torch.linspace(-1, 1, 6).view(2, 3)
    ends = []
    for count in (1, 2):
        x = torch.nn.Parameter(start.clone())
        optimizer = GridAdamW([x], torch.full((count,), 0.1), torch.full((count,), 0.5))
        x.grad = torch.ones(2, 3)
        optimizer.step()
        ends.append(x.detach())
    assert torch.equal(*ends)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"lr": torch.ones(2), "weight_decay": torch.ones(3)}, r"got \[2, 3, 2\]"),
        ({"lr": torch.ones(2), "weight_decay": torch.ones(2)}, "one for each of the 3 members"),
        ({"lr": -torch.ones(3), "weight_decay": torch.ones(3)}, "negative"),
        ({"lr": torch.ones(3), "weight_decay": -torch.ones(3)}, "negative"),
        (
            {"lr": torch.ones(3), "weight_decay": torch.ones(3), "lr_final": -torch.ones(3)},
            "negative",
        ),
        (
            {"lr": torch.ones(3), "weight_decay": torch.ones(3), "lr_final": torch.ones(2)},
            r"got \[3, 3, 2\]",
        ),
    ],
)
def test_bad_input_is_named(numbers, message) -> None:
    with pytest.raises(ValueError, match=message):
        GridAdamW([torch.nn.Parameter(torch.ones(3, 2))], **numbers)
