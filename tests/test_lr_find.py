"""lr_find leaves everything bit for bit as it was, stops in time, and suggests by its rules."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from snapshot import assert_same, everything, plain
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.lr_find import LRCurve, lr_find
from course_utils.unchanged import unchanged


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3)
    )


def dataset(rows: int = 60) -> TensorDataset:
    generator = torch.Generator().manual_seed(7)
    return TensorDataset(
        torch.randn(rows, 5, generator=generator), torch.randint(3, (rows,), generator=generator)
    )


def loader(**options: Any) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(dataset(), batch_size=20, shuffle=True, **options)


def train(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: Any, epochs: int = 2
) -> list[float]:
    losses = []
    model.train()
    for _ in range(epochs):
        for x, y in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def prepared() -> tuple[nn.Sequential, torch.optim.Optimizer]:
    """A network in mixed modes, with a frozen layer, gradients, and Adam that has seen steps."""
    model = network()
    optimizer = torch.optim.Adam(
        [
            {"params": list(model[0].parameters()), "lr": 1e-3},
            {"params": list(model[1:].parameters()), "lr": 1e-2},
        ],
        amsgrad=True,
    )
    model[4].bias.requires_grad_(False)
    train(model, optimizer, loader())
    model.eval()
    model[3].train()
    return model, optimizer


def noisy_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Draws from every generator, as an augmentation may do."""
    return F.cross_entropy(logits, targets) + random.random() + np.random.rand() + torch.rand(())


@pytest.mark.parametrize("batches", [loader(), list(loader())], ids=["DataLoader", "list"])
def test_everything_is_as_before(batches: Any) -> None:
    model, optimizer = prepared()
    before = everything(model, optimizer)
    curve = lr_find(model, noisy_loss, batches, optimizer, end_lr=1.0, steps=30)
    assert len(curve.lrs) > 10
    assert_same(before, everything(model, optimizer))


def test_an_optimizer_without_state_has_none_afterwards() -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    before = everything(model, optimizer)
    lr_find(model, F.cross_entropy, loader(), optimizer, steps=20, end_lr=0.1)
    assert_same(before, everything(model, optimizer))
    assert len(optimizer.state) == 0


def test_everything_is_as_before_when_the_loss_raises() -> None:
    model, optimizer = prepared()
    before = everything(model, optimizer)
    calls = []

    def failing(logits: Tensor, targets: Tensor) -> Tensor:
        calls.append(1)
        if len(calls) == 8:
            raise RuntimeError("no more")
        return noisy_loss(logits, targets)

    with pytest.raises(RuntimeError, match="no more"):
        lr_find(model, failing, loader(), optimizer)
    assert len(calls) == 8
    assert_same(before, everything(model, optimizer))


def test_everything_is_as_before_when_numbers_overflow() -> None:
    model, optimizer = prepared()
    sgd = torch.optim.SGD(model.parameters(), lr=1.0)
    batches = [(torch.randn(8, 5), torch.zeros(8, 3))]
    before = everything(model, optimizer)
    curve = lr_find(model, F.mse_loss, batches, sgd, end_lr=1e12)
    assert curve.exploded
    assert_same(before, everything(model, optimizer))


@pytest.mark.parametrize("own_generator", [False, True])
def test_a_run_goes_on_as_if_nothing_had_been(own_generator: bool) -> None:
    histories = []
    for search in (False, True):
        model, optimizer = prepared()
        generator = torch.Generator().manual_seed(3) if own_generator else None
        batches = loader(generator=generator)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
        train(model, optimizer, batches)
        if search:
            lr_find(model, noisy_loss, batches, optimizer, steps=50)
        losses = train(model, optimizer, batches)
        schedule.step()
        histories.append((losses, plain(model.state_dict()), plain(optimizer.state_dict())))
    assert histories[0] == histories[1]


def test_state_of_another_type_than_the_parameters_comes_back_exactly() -> None:
    """load_state_dict would round it to the type of the parameter."""
    model = nn.Linear(5, 3, dtype=torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    state = torch.full((3, 5), 1 + 2**-20)
    optimizer.state[model.weight]["momentum_buffer"] = state
    with unchanged(model, optimizer):
        optimizer.state[model.weight]["momentum_buffer"].mul_(3)
    assert optimizer.state[model.weight]["momentum_buffer"] is state
    assert state.dtype == torch.float32
    assert (state == 1 + 2**-20).all()


def test_attributes_buffers_and_a_loss_with_parameters_come_back() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0
            self.register_buffer("seen", torch.zeros(2))
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
            self.calls += 1
            self.seen = self.seen + 1  # a new tensor, not one changed in place
            self.register_buffer("late", torch.ones(1))
            return F.cross_entropy(self.scale * logits, targets)

    model, loss = network(), Counting().eval()
    optimizer = torch.optim.SGD([*model.parameters(), loss.scale], lr=0.1)
    seen = loss.seen
    lr_find(model, loss, loader(), optimizer, steps=5)
    assert (loss.calls, loss.training, list(loss._buffers)) == (0, False, ["seen"])
    assert loss.seen is seen
    assert seen.sum() == 0
    assert loss.scale == 1


def test_a_parameter_of_the_optimizer_alone_comes_back() -> None:
    """The loss is a function here, so its parameter is found in the optimizer."""
    model, temperature = network(), nn.Parameter(torch.ones(()))
    optimizer = torch.optim.SGD([*model.parameters(), temperature], lr=0.1)
    lr_find(model, lambda z, y: F.cross_entropy(z / temperature, y), loader(), optimizer, steps=5)
    assert temperature == 1


def test_a_scheduler_still_warns_of_a_wrong_order() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5)
    lr_find(model, F.cross_entropy, loader(), optimizer, steps=5)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        schedule.step()


def test_an_iterator_is_refused_before_it_is_touched() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    once = iter([(torch.ones(4, 5), torch.zeros(4).long())])
    with pytest.raises(TypeError, match="an iterator, got list_iterator, would be used up"):
        lr_find(model, F.cross_entropy, once, optimizer)
    assert len(list(once)) == 1


def test_losses_and_rates_are_those_of_the_loop_written_out() -> None:
    model, batches = network(), list(loader())
    twin = copy.deepcopy(model).train()
    torch.manual_seed(1)
    curve = lr_find(
        model.eval(),
        F.cross_entropy,
        batches,
        torch.optim.SGD([{"params": [p], "lr": 9.0} for p in model.parameters()], momentum=0.9),
        start_lr=1e-3,
        end_lr=1e-1,
        steps=9,
        smoothing=0.5,
    )
    torch.testing.assert_close(curve.lrs, np.geomspace(1e-3, 1e-1, 9))
    optimizer = torch.optim.SGD(twin.parameters(), lr=1.0, momentum=0.9)
    torch.manual_seed(1)
    mean, weight = 0.0, 0.0
    for step in range(9):
        optimizer.param_groups[0]["lr"] = 1e-3 * 100 ** (step / 8)
        x, y = batches[step % 3]
        optimizer.zero_grad()
        loss = F.cross_entropy(twin(x), y)
        loss.backward()
        optimizer.step()
        mean, weight = 0.5 * mean + 0.5 * loss.item(), 0.5 * weight + 0.5
        assert curve.losses[step] == pytest.approx(loss.item(), rel=1e-5)
        assert curve.smoothed[step] == pytest.approx(mean / weight, rel=1e-5)
    assert not curve.exploded


def test_several_inputs_and_a_tuple_of_them() -> None:
    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 1)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return self.layer(a * b)

    model = Product()
    batch = ((torch.randn(8, 3), torch.randn(8, 3)), torch.randn(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert len(lr_find(model, F.mse_loss, [batch], optimizer, steps=5, end_lr=1e-3).lrs) == 5


class Scripted(nn.Module):
    """Gives the losses of a list, one each step, whatever the optimizer does."""

    def __init__(self, losses: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.left = iter(losses)

    def forward(self, x: Tensor) -> Tensor:
        return 0 * self.weight + next(self.left)


def scripted(losses: list[float], **options: Any) -> LRCurve:
    model = Scripted(losses)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batches = [(torch.zeros(1), torch.zeros(1))]
    arguments: dict[str, Any] = {"steps": len(losses), "smoothing": 0.0} | options
    return lr_find(model, lambda out, y: out, batches, optimizer, **arguments)


def test_it_stops_above_four_times_the_best() -> None:
    assert len(scripted([2.0, 1.0, 4.0, 4.1, 1.0]).losses) == 4
    assert scripted([2.0, 1.0, 4.0, 4.1, 1.0]).exploded
    assert not scripted([2.0, 1.0, 4.0, 4.0, 3.0]).exploded
    assert len(scripted([2.0, 1.0, 4.0, 4.1, 1.0], diverged=5.0).losses) == 5
    # The running means of these are 2, 1, 2.3: one low loss alone is no new best.
    assert len(scripted([2.0, 0.5, 3.5, 1.0], smoothing=0.5).losses) == 4
    assert len(scripted([2.0, -1.0, 4.0, 4.1, 1.0]).losses) == 5  # no multiple of a negative loss


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_a_loss_that_is_not_finite_ends_the_search_and_is_left_out(bad: float) -> None:
    curve = scripted([3.0, 2.0, 1.0, bad, 1.0])
    assert curve.losses.tolist() == [3.0, 2.0, 1.0]
    assert curve.exploded
    assert curve.minimum == curve.lrs[-1]
    assert curve.suggestion == curve.lrs[-1] / 10


def synthetic() -> LRCurve:
    """Falls as a logistic curve of log10(lr), steepest at 1e-2, with the minimum at 1e-1."""
    lrs = np.geomspace(1e-5, 10, 121)
    x = np.log10(lrs)
    losses = 2 - 1 / (1 + np.exp(-4 * (x + 2))) + 3 * np.maximum(0, x + 1) ** 2
    losses[3] -= 0.3  # a steep start, which does not count
    return LRCurve(lrs, losses, losses, True)


def test_rates_of_a_synthetic_curve() -> None:
    curve = synthetic()
    assert curve.steepest == pytest.approx(1e-2)
    assert curve.minimum == pytest.approx(curve.lrs[curve.smoothed.argmin()])
    assert curve.minimum == pytest.approx(0.1, rel=0.2)
    assert curve.suggestion == curve.minimum / 10


def test_the_slope_after_the_minimum_does_not_count() -> None:
    curve = synthetic()
    losses = curve.losses.copy()
    losses[110:] = 3.0 - np.arange(11) * 0.15  # steeper than anything before
    assert LRCurve(curve.lrs, losses, losses, False).steepest == pytest.approx(1e-2)


def test_rates_of_an_early_minimum() -> None:
    curve = scripted([3.0, 1.0, 5.0])
    assert curve.steepest == curve.lrs[0]
    assert curve.minimum == curve.lrs[1]


@pytest.mark.parametrize("losses", [[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
def test_no_suggestion_without_a_minimum_inside(losses: list[float]) -> None:
    curve = scripted(losses, start_lr=1e-3, end_lr=1e-1)
    with pytest.raises(ValueError, match=r"an end of 0\.001 to 0\.1"):
        _ = curve.suggestion
    with pytest.raises(ValueError, match="fall and rise again"):
        _ = curve.steepest


def test_plot_marks_the_three_rates_on_the_curve() -> None:
    curve = synthetic()
    _, ax = plt.subplots()
    curve.plot(ax)
    points = {line.get_label(): line.get_xydata() for line in ax.lines}
    for name, rate in (
        ("minimum / 10", curve.suggestion),
        ("steepest", curve.steepest),
        ("minimum", curve.minimum),
    ):
        (x, y) = points[f"{name}: {rate:.2g}"][0]
        assert x == rate
        assert y == pytest.approx(np.interp(x, curve.lrs, curve.smoothed), abs=0.01)
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    plt.close("all")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start_lr": 0.0}, "0 < start_lr < end_lr < inf must hold, got 0.0 and 10.0"),
        ({"start_lr": 1.0, "end_lr": 1.0}, "start_lr < end_lr"),
        ({"end_lr": math.inf}, "start_lr < end_lr"),
        ({"steps": 2}, "steps must be at least 3, got 2"),
        ({"smoothing": 1.0}, "smoothing must lie in"),
        ({"smoothing": -0.1}, "smoothing must lie in"),
        ({"diverged": 1.0}, "diverged must be above 1, got 1.0"),
        ({"diverged": math.nan}, "diverged must be above 1"),
        ({"batches": []}, "batches must have at least one"),
        ({"batches": [(torch.full((4, 5), math.nan), torch.zeros(4).long())]}, "finite loss"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, Any], message: str) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    arguments = {"batches": loader()} | options
    with pytest.raises(ValueError, match=message):
        lr_find(model, F.cross_entropy, optimizer=optimizer, **arguments)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_random_numbers_on_the_gpu_go_on_as_before() -> None:
    model = network().cuda()
    optimizer = torch.optim.Adam(model.parameters())
    before = torch.cuda.get_rng_state()
    lr_find(model, F.cross_entropy, loader(), optimizer, steps=5)
    assert torch.equal(before, torch.cuda.get_rng_state())


def test_unchanged_keeps_gradients_and_flags_that_are_changed_in_place() -> None:
    model = nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    gradient = model.weight.grad
    with unchanged(model):
        assert model.weight.grad is None
        model(torch.ones(1, 2)).sum().backward()
        model.bias.requires_grad_(False)
        model.weight.grad.mul_(5)
    assert model.weight.grad is gradient
    assert gradient.tolist() == [[1.0, 1.0]]
    assert model.bias.requires_grad
