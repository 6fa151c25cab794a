"""Dropout and its relatives: support, moments, independence, gradients and errors of PyTorch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import nn as ours
from course_utils.ensemble import train
from course_utils.stacked_layers import elementwise, rule_for

F64 = torch.float64
DROPPING = [ours.Dropout(0.3), ours.ClassicDropout(0.7)]
MEAN_ONE = [ours.Dropout(0.3), ours.GaussianDropout(0.3), ours.Uout(0.6)]
ALL = [*MEAN_ONE, ours.ClassicDropout(0.7), ours.DropConnect(40, 30, p=0.3, dtype=F64)]
VARIANCE = {"Dropout": 0.3 / 0.7, "GaussianDropout": 0.3 / 0.7, "Uout": 0.6**2 / 3}

every = pytest.mark.parametrize("layer", ALL, ids=lambda m: type(m).__name__)
mean_one = pytest.mark.parametrize("layer", MEAN_ONE, ids=lambda m: type(m).__name__)


@pytest.fixture(autouse=True)
def _seed_and_training_mode() -> None:
    torch.manual_seed(0)
    for layer in ALL:
        layer.train()


def ones(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=F64)


def within(found: Tensor | float, wanted: float, standard_error: float) -> None:
    assert abs(float(found) - wanted) < 4 * standard_error


@pytest.mark.parametrize("p", [0.0, 0.1, 0.3, 0.5, 0.8, 1.0])
def test_dropout_is_that_of_torch(p: float) -> None:
    """The same values, mean and rate; ours and torch's masks come from different draws."""
    y, theirs = ours.Dropout(p)(ones(1000, 300)), nn.Dropout(p)(ones(1000, 300))
    torch.testing.assert_close(y.unique(), theirs.unique(), rtol=1e-15, atol=0)
    error = math.sqrt(p * (1 - p) / y.numel())
    within((y == 0).double().mean(), p, error + 1e-15)
    within(y.mean(), 0.0 if p == 1 else 1.0, error / (1 - p) + 1e-15 if p < 1 else 1e-15)


@pytest.mark.parametrize("keep", [0.0, 0.2, 0.9, 1.0])
def test_classic_dropout_keeps_and_scales_in_evaluation(keep: float) -> None:
    layer = ours.ClassicDropout(keep)
    y = layer(ones(1000, 300))
    assert set(y.unique().tolist()) <= {0.0, 1.0}
    within(y.mean(), keep, math.sqrt(keep * (1 - keep) / y.numel()) + 1e-15)
    torch.testing.assert_close(layer.eval()(ones(3)), keep * ones(3))


def test_classic_and_inverted_are_one_model_up_to_the_scale_of_the_weights() -> None:
    """What is divided by 1 - p in one is missing in the other, in training and in evaluation."""
    x, keep = torch.randn(50, 20, dtype=F64), 0.7
    torch.manual_seed(1)
    inverted = ours.Dropout(1 - keep)(x)
    assert ((inverted == 0) | torch.isclose(inverted, x / keep)).all()
    classic = ours.ClassicDropout(keep).eval()(x)
    torch.testing.assert_close(classic, keep * ours.Dropout(1 - keep).eval()(x))


@every
def test_evaluation(layer: nn.Module) -> None:
    x = torch.randn(7, 40, dtype=F64)
    layer.eval()
    if isinstance(layer, ours.DropConnect):
        assert torch.equal(layer(x), F.linear(x, layer.weight, layer.bias))
    elif isinstance(layer, ours.ClassicDropout):
        assert torch.equal(layer(x), 0.7 * x)
    else:
        assert layer(x) is x


@every
def test_no_grad_is_not_evaluation(layer: nn.Module) -> None:
    x = torch.randn(7, 40, dtype=F64)
    with torch.no_grad():
        assert not torch.equal(layer(x), layer(x))


@mean_one
@pytest.mark.parametrize("c", [0.0, 1.0])
def test_mean_and_variance_are_the_closed_form(layer: nn.Module, c: float) -> None:
    """E[y] = c, Var[y] = v + (v + c^2) s^2 within 4 standard errors, here v = 2.25."""
    v = 2.25
    x = c + math.sqrt(v) * torch.randn(2_000_000, dtype=F64)
    y = layer(x)
    wanted = v + (v + c**2) * VARIANCE[type(layer).__name__]
    square = (y - c) ** 2
    within(y.mean(), c, float(y.std()) / math.sqrt(len(y)))
    within(square.mean(), wanted, float(square.std()) / math.sqrt(len(y)))


@pytest.mark.parametrize("beta", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("c", [0.0, 1.0])
def test_variance_of_uout_is_the_closed_form(beta: float, c: float) -> None:
    x = c + torch.randn(2_000_000, dtype=F64)
    square = (ours.Uout(beta)(x) - c) ** 2
    wanted = 1 + (1 + c**2) * beta**2 / 3
    within(square.mean(), wanted, float(square.std()) / math.sqrt(len(x)))
    # The x are the same in both, so the noise alone is held to a much smaller error.
    by_noise = square - (x - c) ** 2
    within(by_noise.mean(), wanted - 1, float(by_noise.std()) / math.sqrt(len(x)))


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_uout_is_uniform(beta: float) -> None:
    r = ours.Uout(beta)(ones(200_000)) - 1
    assert r.abs().max() <= beta + 1e-12
    if beta:
        quantiles = r.quantile(torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=F64))
        wanted = beta * torch.tensor([-0.9, -0.5, 0.0, 0.5, 0.9], dtype=F64)
        torch.testing.assert_close(quantiles, wanted, rtol=0, atol=0.01 * beta)


def test_gaussian_dropout_is_normal() -> None:
    r = (ours.GaussianDropout(0.2)(ones(200_000)) - 1) / math.sqrt(0.2 / 0.8)
    wanted = torch.tensor([-1.6449, -0.6745, 0.0, 0.6745, 1.6449], dtype=F64)
    found = r.quantile(torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=F64))
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.02)


@pytest.mark.parametrize("layer", [*MEAN_ONE, *DROPPING[1:]], ids=lambda m: type(m).__name__)
def test_elements_are_independent(layer: nn.Module) -> None:
    """No two columns and no two rows share their noise: correlations like those of chance."""
    m = layer(ones(400, 300))
    for noise in (m, m.T):
        r = torch.corrcoef(noise)
        r.fill_diagonal_(0)
        n, count = noise.shape[1], r.numel() - len(r)
        assert r.abs().max() < 6 / math.sqrt(n)
        # each pair is counted twice
        within(r.square().sum() / count, 1 / (n - 1), math.sqrt(4 / count) / n)


@every
def test_each_call_draws_anew(layer: nn.Module) -> None:
    x = torch.randn(5, 40, dtype=F64)
    assert not torch.equal(layer(x), layer(x))


@every
def test_the_global_seed_decides(layer: nn.Module) -> None:
    x, found = torch.randn(5, 40, dtype=F64), []
    for _ in range(2):
        torch.manual_seed(7)
        found.append(layer(x))
    assert torch.equal(*found)


@pytest.mark.parametrize("layer", [*MEAN_ONE, *DROPPING[1:]], ids=lambda m: type(m).__name__)
def test_the_gradient_has_the_mask_of_the_output(layer: nn.Module) -> None:
    x = (1 + torch.rand(50, 40, dtype=F64)).requires_grad_()
    dy = torch.randn(50, 40, dtype=F64)
    y = layer(x)
    (gradient,) = torch.autograd.grad(y, x, dy)
    torch.testing.assert_close(gradient, dy * y.detach() / x.detach(), rtol=1e-14, atol=0)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_in_place(p: float) -> None:
    start = torch.ones(1000, dtype=F64, requires_grad=True)
    x = start * 1.0
    y = ours.Dropout(p, inplace=True)(x)
    assert y is x
    (gradient,) = torch.autograd.grad(y.sum(), start)
    assert torch.equal(gradient, y)
    assert ours.Dropout(p, inplace=True).eval()(x) is x


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize("layer", [*MEAN_ONE, *DROPPING[1:]], ids=lambda m: type(m).__name__)
def test_lower_precision(layer: nn.Module, dtype: torch.dtype) -> None:
    """The dtype stays, and noise is not drawn in steps of 1/256 or 1/2048."""
    y = layer(torch.ones(1000, 1000, dtype=dtype))
    assert y.dtype == dtype
    if (y == 0).any():
        within((y == 0).double().mean(), 0.3, math.sqrt(0.3 * 0.7 / 1e6))
    else:
        within((y.double() > 1).double().mean(), 0.5, 0.5 / 1000 + 0.002)


def test_a_rate_finer_than_half_precision() -> None:
    y = ours.Dropout(0.001)(torch.ones(2000, 2000, dtype=torch.bfloat16))
    within((y == 0).double().mean(), 0.001, math.sqrt(0.001 / y.numel()))


def messages(make: Callable[[], object]) -> tuple[type[Exception], str]:
    with pytest.raises(Exception, match=r".") as caught:
        make()
    return caught.type, str(caught.value)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.inf])
def test_errors_of_torch_for_rates(p: float) -> None:
    assert messages(lambda: ours.Dropout(p)) == messages(lambda: nn.Dropout(p))


@pytest.mark.parametrize("p", ["a", None])
def test_errors_of_torch_for_what_is_no_rate(p: float) -> None:
    assert messages(lambda: ours.Dropout(p))[0] is messages(lambda: nn.Dropout(p))[0] is TypeError


@pytest.mark.parametrize("dtype", [torch.long, torch.int8, torch.bool])
def test_errors_of_torch_for_inputs(dtype: torch.dtype) -> None:
    x = torch.ones(4, dtype=dtype)
    kind, text = messages(lambda: nn.Dropout(0.5)(x))
    mine, mine_text = messages(lambda: ours.Dropout(0.5)(x))
    assert mine is kind is RuntimeError
    assert mine_text.startswith("result type Float can't be cast to the desired output type")
    assert text.startswith("result type Float can't be cast to the desired output type")
    for layer in ALL[1:-1]:
        with pytest.raises(RuntimeError, match="can't be cast"):
            layer(x)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (partial(ours.ClassicDropout, 1.2), "keep has to be between 0 and 1, but got 1.2"),
        (partial(ours.ClassicDropout, -1), "keep has to be between 0 and 1, but got -1"),
        (partial(ours.DropConnect, 2, 2, p=2), "dropout probability has to be between 0 and 1"),
        (partial(ours.GaussianDropout, -0.1), "dropout probability has to be between 0 and 1"),
        (partial(ours.GaussianDropout, 1), "p must be below 1"),
        (partial(ours.Uout, -0.1), r"beta must lie in \[0, 1\], got -0.1"),
        (partial(ours.Uout, 1.1), r"beta must lie in \[0, 1\], got 1.1"),
        (partial(ours.Uout, math.nan), r"beta must lie in \[0, 1\], got nan"),
        (partial(ours.Dropout, math.nan), "dropout probability has to be between 0 and 1"),
    ],
)
def test_errors(make: Callable[[], nn.Module], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_texts() -> None:
    assert repr(ours.Dropout(0.2)) == repr(nn.Dropout(0.2))
    assert repr(ours.Dropout(0.2, inplace=True)) == repr(nn.Dropout(0.2, inplace=True))
    assert repr(ours.ClassicDropout(0.8)) == "ClassicDropout(keep=0.8)"
    assert repr(ours.GaussianDropout(0.8)) == "GaussianDropout(p=0.8)"
    assert repr(ours.Uout(0.1)) == "Uout(beta=0.1)"
    assert "in_features=3, out_features=2, bias=True, p=0.5" in repr(ours.DropConnect(3, 2))


@pytest.mark.parametrize(
    "make",
    [
        ours.Dropout,
        ours.ClassicDropout,
        ours.GaussianDropout,
        ours.Uout,
        lambda: ours.DropConnect(6, 6),
    ],
)
def test_members_of_an_ensemble_have_their_own_noise(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    first = nn.Sequential(nn.Linear(6, 6), make(), nn.Linear(6, 3)).double()
    models = [copy.deepcopy(first) for _ in range(2)]
    data = torch.randn(20, 6, dtype=F64), torch.arange(20) % 3
    sgd = partial(torch.optim.SGD, lr=0.1)
    train(models, data, seeds=[0, 1], optimizer=sgd, steps=2, batch_size=20)
    outputs = [m.eval()(data[0]) for m in models]
    assert (outputs[0] - outputs[1]).abs().max() > 1e-4


@mean_one
def test_a_stack_of_members_needs_no_vmap(layer: nn.Module) -> None:
    """The rule of elementwise layers: every member and example has noise of its own."""
    assert rule_for(layer) is elementwise
    m = elementwise(layer, {}, ones(4, 5, 2000)).flatten(0, 1)
    r = torch.corrcoef(m)
    r.fill_diagonal_(0)
    assert r.abs().max() < 6 / math.sqrt(2000)
    assert torch.equal(elementwise(layer.eval(), {}, m), m)
