"""Activations against `torch.nn` and closed forms, in float64."""

from __future__ import annotations

import copy
import inspect
import math
from functools import partial

import pytest
import torch
from nn_inputs import cases_of_pytorch
from torch import Tensor, nn

from course_utils import nn as ours
from course_utils.nn import functions as f
from course_utils.nn.differentiable import with_derivative

ALL = [
    ("Sigmoid", {}), ("Tanh", {}), ("ReLU", {}), ("SiLU", {}),
    ("LeakyReLU", {}), ("LeakyReLU", {"negative_slope": 0.1}),
    ("LeakyReLU", {"negative_slope": 0.0}),
    ("ELU", {}), ("ELU", {"alpha": 2.5}), ("ELU", {"alpha": -0.5}),
    ("Softplus", {}), ("Softplus", {"beta": 3.0}), ("Softplus", {"beta": 2.0, "threshold": 1.0}),
    ("Softplus", {"threshold": -5.0}), ("GELU", {}), ("GELU", {"approximate": "tanh"}),
]  # fmt: skip
SMOOTH = [a for a in ALL if a[0] not in ("ReLU", "LeakyReLU") and a[1].get("threshold") is None]
INPLACE = [("ReLU", {}), ("LeakyReLU", {"negative_slope": 0.1}), ("ELU", {}), ("SiLU", {})]
activation = pytest.mark.parametrize(("name", "options"), ALL)


def points() -> Tensor:
    """From -1000 to 1000, dense around zero, with both zeros and infinitely near ones."""
    x = torch.linspace(-30, 30, 601, dtype=torch.float64)
    far_and_near = [-1000, -100, 100, 1000, 0, -0.0, 1e-300, -1e-300, 1e-12, -1e-12]
    return torch.cat([x, torch.tensor(far_and_near, dtype=torch.float64)])


def pair(name: str, options: dict) -> tuple[nn.Module, nn.Module]:
    return getattr(ours, name)(**options), getattr(nn, name)(**options)


def derivatives(module: nn.Module, x: Tensor) -> list[Tensor]:
    """f, f', f'' of every element."""
    x = x.clone().requires_grad_()
    y = module(x)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    second = torch.autograd.grad(first.sum(), x)[0] if first.requires_grad else torch.zeros_like(x)
    return [y.detach(), first.detach(), second]


def close(a: Tensor, b: Tensor, atol: float = 1e-12, rtol: float = 0.0) -> None:
    torch.testing.assert_close(a, b, atol=atol, rtol=rtol)


@activation
def test_values_and_derivatives_are_those_of_torch(name: str, options: dict) -> None:
    mine, theirs = pair(name, options)
    x = points()
    (y, dy, ddy), (z, dz, ddz) = derivatives(mine, x), derivatives(theirs, x)
    close(y, z, rtol=1e-15)
    close(dy, dz, atol=1e-10)
    kink = (x == 0) if name == "ELU" else (x == 20)  # f' has two slopes there, torch takes neither
    close(ddy[~kink], ddz[~kink], atol=1e-10)
    assert torch.equal(mine.derivative(x), dy), "the function shown is the one autograd uses"


@activation
def test_text_arguments_and_defaults_are_those_of_torch(name: str, options: dict) -> None:
    mine, theirs = pair(name, options)
    assert repr(mine) == repr(theirs)
    if name not in ("Sigmoid", "Tanh"):  # torch lets these take anything
        mine, theirs = (
            [(p.name, p.default, p.kind) for p in inspect.signature(type(m)).parameters.values()]
            for m in (mine, theirs)
        )
        assert mine == theirs


@pytest.mark.parametrize("name", dict(ALL))
def test_inputs_of_pytorch(name: str) -> None:
    for case in cases_of_pytorch(name):
        mine = getattr(ours, name)(*case.args, **case.kwargs)
        theirs = getattr(nn, name)(*case.args, **case.kwargs)
        (x,) = case.inputs
        for a, b in zip(derivatives(mine, x), derivatives(theirs, x), strict=True):
            close(a, b)


@activation
def test_derivatives_are_those_of_the_function(name: str, options: dict) -> None:
    mine, _ = pair(name, options)
    x = torch.linspace(-3, 3, 14, dtype=torch.float64, requires_grad=True)  # not at a kink
    assert torch.autograd.gradcheck(mine, x, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(mine, x)


@pytest.mark.parametrize(("name", "options"), SMOOTH)
def test_third_derivatives(name: str, options: dict) -> None:
    x = torch.linspace(-3, 3, 14, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(pair(name, options)[0].derivative, x)


@activation
def test_under_vmap_and_jvp(name: str, options: dict) -> None:
    mine, theirs = pair(name, options)
    x, v = torch.randn(2, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def loss(module: nn.Module, x: Tensor) -> Tensor:
        return module(x).square().sum()

    each = torch.vmap(torch.func.grad(partial(loss, mine)), randomness="different")(x)
    close(each, torch.func.grad(partial(loss, theirs))(x))
    for a, b in zip(
        torch.func.jvp(mine, (x,), (v,)), torch.func.jvp(theirs, (x,), (v,)), strict=True
    ):
        close(a, b)
    hessian = torch.func.hessian(partial(loss, mine))(x[0])
    close(hessian, torch.func.hessian(partial(loss, theirs))(x[0]))


def test_sigmoid_does_not_overflow() -> None:
    x = torch.tensor([-1000.0, -745.0, -40.0, 40.0, 745.0, 1000.0], dtype=torch.float64)
    assert f.sigmoid(x).tolist() == pytest.approx(
        [0, math.exp(-745), math.exp(-40), 1, 1, 1], rel=1e-15, abs=0
    )
    expected = [0, math.exp(-745), math.exp(-40), math.exp(-40), math.exp(-745), 0]
    assert f.sigmoid_derivative(x).tolist() == pytest.approx(expected, rel=1e-15, abs=0)
    # As the lecture has it: s (1 - s) is 0 from x = 37 on, though s' is not.
    assert (f.sigmoid(x) * (1 - f.sigmoid(x)))[3] == 0
    assert all(d.isfinite().all() for d in derivatives(ours.Sigmoid(), x))


def test_tanh_is_exact_for_small_and_large_numbers() -> None:
    x = torch.tensor([1e-300, -1e-12, 3e-5, 0.7, -20.0, 200.0], dtype=torch.float64)
    close(f.tanh(x), torch.tanh(x), atol=0, rtol=1e-15)
    wanted = [1 / math.cosh(v) ** 2 for v in x.tolist()]
    assert f.tanh_derivative(x).tolist() == pytest.approx(wanted, rel=1e-14, abs=0)


@activation
def test_infinities_and_nan_are_those_of_torch(name: str, options: dict) -> None:
    mine, theirs = pair(name, options)
    x = torch.tensor([float("inf"), -float("inf"), float("nan")], dtype=torch.float64)
    torch.testing.assert_close(mine(x), theirs(x), equal_nan=True)


def test_derivatives_at_the_kink_are_those_of_torch() -> None:
    zero = torch.zeros(1, dtype=torch.float64)
    assert f.relu_derivative(zero) == 0
    assert f.leaky_relu_derivative(zero, 0.3) == 0.3
    assert f.elu_derivative(zero, 0.3) == 0.3


@pytest.mark.parametrize(("name", "options"), INPLACE)
def test_in_place(name: str, options: dict) -> None:
    results = []
    for module in pair(name, {**options, "inplace": True}):
        leaf = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
        x = leaf * 1.5
        y = module(x)
        assert y is x
        (gradient,) = torch.autograd.grad(y.square().sum(), leaf)
        results.append((y.detach(), gradient))
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            module(leaf)
    close(results[0][0], results[1][0])
    close(results[0][1], results[1][1], atol=1e-10)


@activation
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_other_precisions(name: str, options: dict, dtype: torch.dtype) -> None:
    mine, theirs = pair(name, options)
    x = torch.linspace(-8, 8, 161).to(dtype)
    # Half precision is computed in float32 and rounded once.
    rtol = 2e-6 if dtype == torch.float32 else 1.01 * torch.finfo(dtype).eps
    exact = derivatives(theirs, x.double())
    for found, true in zip(derivatives(mine, x)[:2], exact, strict=False):
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), true, rtol=rtol, atol=2e-6)


@activation
def test_modules_have_no_state_and_can_be_copied(name: str, options: dict) -> None:
    mine, _ = pair(name, options)
    assert not mine.state_dict()
    x = torch.linspace(-3, 3, 7)
    assert torch.equal(copy.deepcopy(mine)(x), mine(x))


def test_unknown_approximation_of_gelu() -> None:
    for module in pair("GELU", {"approximate": "erf"}):
        with pytest.raises(
            RuntimeError, match=r"^approximate argument must be either none or tanh"
        ):
            module(torch.zeros(1))


@pytest.mark.parametrize("shape", [(7, 4), (4,), (2, 3, 4)])
def test_maxout_is_the_largest_of_linear_functions(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = ours.Maxout(4, 3, pieces=5, dtype=torch.float64)
    x = torch.randn(shape, dtype=torch.float64)
    w, b = layer.linear.weight.view(3, 5, 4), layer.linear.bias.view(3, 5)
    each = torch.stack([x @ w[:, k].T + b[:, k] for k in range(5)])
    close(layer(x), each.amax(0))
    assert torch.autograd.gradcheck(layer, x.requires_grad_())


def test_maxout_can_be_relu_and_the_absolute_value() -> None:
    layer = ours.Maxout(1, 2, bias=False)
    layer.linear.weight.data = torch.tensor([[1.0], [0.0], [1.0], [-1.0]])
    x = torch.linspace(-2, 2, 9)[:, None]
    assert torch.equal(layer(x), torch.cat([x.relu(), x.abs()], 1))
    assert layer.linear.bias is None


def test_maxout_refuses_impossible_sizes() -> None:
    for sizes in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="must be at least 1, got 0"):
            ours.Maxout(*sizes)


def test_with_derivative_uses_the_one_given() -> None:
    @with_derivative(lambda x, a=2.0: 7 * a * x)
    def square(x: Tensor, a: float = 2.0) -> Tensor:
        return a * x * x

    x = torch.tensor(3.0, requires_grad=True)
    assert torch.autograd.grad(square(x), x)[0] == 42
    assert torch.autograd.grad(square(x, a=1.0), x)[0] == 21
    assert square.__name__ == "square"
