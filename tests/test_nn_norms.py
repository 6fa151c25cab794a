"""Normalization layers against `torch.nn`, in float64: outputs, gradients, statistics, errors."""

from __future__ import annotations

import copy
import inspect
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from nn_inputs import NAMES, cases_of_pytorch
from torch import Tensor, nn

from course_utils import nn as ours
from course_utils.nn.normalize import moments, normalize

# torch took `bias` in all of them later than the oldest version that we run with.
BIAS = "bias" in inspect.signature(nn.BatchNorm1d).parameters
biases = [{}, {"bias": False}] if BIAS else [{}]
ONCE = {"BatchNorm1d": [(8, 3), (5, 3, 4)], "BatchNorm2d": [(4, 3, 2, 5)]}
TRACKING = [
    (name, {"num_features": 3, "affine": a, "track_running_stats": t, "momentum": m, "eps": e, **b},
     shape)
    for name, shapes in {**ONCE, "InstanceNorm2d": [(4, 3, 2, 5), (3, 2, 5)]}.items()
    for shape in shapes
    for a, t, m, e, b in itertools.product(
        (True, False), (True, False), (0.1, 0.7, None), (1e-5, 0.2), biases
    )
]  # fmt: skip
OTHERS = [
    ("GroupNorm", {"num_groups": g, "num_channels": 6, "affine": a, "eps": e, **b}, shape)
    for g, a, e, b, shape in itertools.product(
        (1, 2, 6), (True, False), (1e-5, 0.2), biases, [(5, 6, 4), (2, 6, 2, 3)]
    )
] + [("GroupNorm", {"num_groups": 2, "num_channels": 6}, (7, 6))]
OTHERS += [
    ("LayerNorm", {"normalized_shape": s, "elementwise_affine": a, "eps": e, "bias": b}, shape)
    for a, e, b in itertools.product((True, False), (1e-5, 0.2), (True, False))
    for s, shape in [(4, (5, 4)), ([3, 4], (2, 3, 4)), ((4,), (2, 3, 4)), (4, (4,))]
]
OTHERS += [
    ("RMSNorm", {"normalized_shape": s, "elementwise_affine": a, "eps": e}, shape)
    for a, e in itertools.product((True, False), (None, 1e-5, 0.2))
    for s, shape in [(4, (5, 4)), ([3, 4], (2, 3, 4)), (4, (4,))]
]
ALL = TRACKING + OTHERS
FEW = [
    ("BatchNorm1d", {"num_features": 3}, (5, 3)),
    ("BatchNorm1d", {"num_features": 3, "momentum": None}, (4, 3, 2)),
    ("BatchNorm2d", {"num_features": 2}, (2, 2, 2, 2)),
    (
        "InstanceNorm2d", {"num_features": 2, "affine": True, "track_running_stats": True},
        (2, 2, 2, 2),
    ),
    ("InstanceNorm2d", {"num_features": 2}, (2, 2, 2)),
    ("GroupNorm", {"num_groups": 2, "num_channels": 4}, (2, 4, 3)),
    ("LayerNorm", {"normalized_shape": [2, 3]}, (3, 2, 3)),
    ("RMSNorm", {"normalized_shape": 3}, (4, 3)),
]  # fmt: skip
G = torch.Generator().manual_seed(0)
few = pytest.mark.parametrize(("name", "options", "shape"), FEW, ids=lambda v: str(v))


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order() -> None:
    G.manual_seed(0)


def randn(*shape: int) -> Tensor:
    """Numbers of mean 1 and standard deviation 3."""
    return 1 + 3 * torch.randn(shape, generator=G, dtype=torch.float64)


def pair(name: str, options: dict[str, Any]) -> tuple[nn.Module, nn.Module]:
    """Ours and torch's, with the same gamma and beta, neither 1 nor 0."""
    mine = getattr(ours, name)(**options, dtype=torch.float64)
    theirs = getattr(nn, name)(**options, dtype=torch.float64)
    for parameter in mine.parameters():
        parameter.data = randn(*parameter.shape)
    theirs.load_state_dict(mine.state_dict())
    return mine, theirs


def close(a: Any, b: Any, atol: float = 1e-12) -> None:
    torch.testing.assert_close(a, b, atol=atol, rtol=1e-13)


def run(module: nn.Module, x: Tensor, weight: Tensor) -> list[Tensor]:
    """y, the gradients of a loss, and those of the size of these, for x and all parameters."""
    x = x.clone().requires_grad_()
    y = module(x)
    at = (x, *module.parameters())
    first = torch.autograd.grad((y.pow(3) * weight).mean(), at, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), at, allow_unused=True)
    return [y.detach(), *first, *(torch.zeros(()) if g is None else g for g in second)]


@pytest.mark.parametrize(("name", "options", "shape"), ALL, ids=lambda v: str(v))
def test_outputs_gradients_and_statistics(name: str, options: dict, shape: tuple) -> None:
    mine, theirs = pair(name, options)
    for training in (True, True, True, False):  # 1/3 is the first momentum that rounds
        mine.train(training)
        theirs.train(training)
        x, weight = randn(*shape), randn(*shape)
        (y, *found), (z, *wanted) = run(mine, x, weight), run(theirs, x, weight)
        close(y, z)
        for a, b in zip(found, wanted, strict=True):
            torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)
        close(dict(mine.state_dict()), dict(theirs.state_dict()))


@few
def test_state_dicts_are_exchanged_both_ways(name: str, options: dict, shape: tuple) -> None:
    mine, theirs = pair(name, options)
    mine(randn(*shape))
    theirs.load_state_dict(mine.state_dict())
    assert [*mine.state_dict()] == [*theirs.state_dict()]
    x = randn(*shape)
    close(mine.eval()(x), theirs.eval()(x))
    theirs.train()(randn(*shape))
    mine.load_state_dict(theirs.state_dict())
    close(mine(x), theirs.eval()(x))


@pytest.mark.parametrize("name", sorted({name for name, *_ in FEW}))
def test_arguments_and_defaults_are_those_of_torch(name: str) -> None:
    mine, theirs = (
        [(p.name, p.default, p.kind) for p in inspect.signature(layer).parameters.values()]
        for layer in (getattr(ours, name), getattr(nn, name))
    )
    assert [p for p in mine if BIAS or p[0] != "bias" or p in theirs] == theirs


@few
@pytest.mark.skipif(not BIAS, reason="older versions of torch do not show bias")
def test_text_is_that_of_torch(name: str, options: dict, shape: tuple) -> None:
    mine, theirs = pair(name, options)
    assert repr(mine) == repr(theirs)


@few
def test_device_and_dtype(name: str, options: dict, shape: tuple) -> None:
    for how in ({"dtype": torch.float32}, {"dtype": torch.bfloat16}, {"device": "meta"}):
        mine, theirs = getattr(ours, name)(**options, **how), getattr(nn, name)(**options, **how)
        layouts = [{n: (t.dtype, t.device, t.shape) for n, t in m.state_dict().items()}
                   for m in (mine, theirs)]  # fmt: skip
        assert layouts[0] == layouts[1]


@few
def test_start_and_reset(name: str, options: dict, shape: tuple) -> None:
    mine, theirs = (getattr(m, name)(**options, dtype=torch.float64) for m in (ours, nn))
    close(dict(mine.state_dict()), dict(theirs.state_dict()))
    mine(randn(*shape))
    for parameter in mine.parameters():
        parameter.data.fill_(7)
    mine.reset_parameters()
    close(dict(mine.state_dict()), dict(theirs.state_dict()))


@few
def test_gradcheck(name: str, options: dict, shape: tuple) -> None:
    mine, _ = pair(name, options)
    names = [n for n, _ in mine.named_parameters()]
    for training in (True, False):
        mine.train(training)

        def call(x: Tensor, *parameters: Tensor) -> Tensor:
            state = dict(zip(names, parameters, strict=True))
            state |= {n: b.clone() for n, b in mine.named_buffers()}
            return torch.func.functional_call(mine, state, x)

        at = randn(*shape).requires_grad_(), *mine.parameters()
        assert torch.autograd.gradcheck(call, at)
        assert torch.autograd.gradgradcheck(call, at)


@pytest.mark.parametrize("name", [name for name in NAMES if "Norm" in name])
def test_inputs_of_pytorch(name: str) -> None:
    how = {"dtype": torch.float64}
    for case in cases_of_pytorch(name):
        mine = getattr(ours, name)(*case.args, **case.kwargs, **how)
        theirs = getattr(nn, name)(*case.args, **case.kwargs, **how)
        for training in (True, True, False):
            mine.train(training)
            theirs.train(training)
            close(mine(*case.inputs), theirs(*case.inputs))
            close(dict(mine.state_dict()), dict(theirs.state_dict()))


def error_of(work: Callable[[], object]) -> tuple[type | None, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            work()
        except Exception as error:
            return type(error), str(error)
    return None, ""


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d", "GroupNorm"])
def test_bad_inputs_of_pytorch(name: str) -> None:
    for case in cases_of_pytorch(name, bad=True):
        x = [x.double() for x in case.inputs]
        with pytest.raises(case.error, match=case.words):
            getattr(ours, name)(*case.args, **case.kwargs, dtype=torch.float64)(*x)


NO_STATS, TRACKED = {"track_running_stats": False}, {"track_running_stats": True}
PLAIN = {"affine": False}
BAD = [
    *(("BatchNorm1d", {"num_features": 3, **o}, s) for o, s in [
        ({}, (2, 3, 4, 4)), ({}, (3,)), ({}, (1, 3)), ({}, (1, 3, 1)), (NO_STATS, (1, 3)),
        ({}, (4, 5)), (PLAIN, (4, 5)), (NO_STATS, (4, 5)), ({**PLAIN, **NO_STATS}, (4, 5)),
        ({"eps": 0.0}, (4, 3)), ({"eps": -1.0}, (4, 3)), ({}, (0, 3)),
    ]),
    *(("BatchNorm2d", {"num_features": 3, **o}, s) for o, s in [
        ({}, (2, 3)), ({}, (2, 3, 4)), ({}, (1, 3, 1, 1)), ({}, (2, 5, 4, 4)),
        (PLAIN, (2, 5, 4, 4)),
    ]),
    *(("InstanceNorm2d", {"num_features": 3, **o}, s) for o, s in [
        ({}, (2, 3)), ({}, (2, 3, 1, 1)), ({}, (3, 1, 1)), (TRACKED, (2, 3, 1, 1)),
        ({"affine": True}, (2, 5, 4, 4)), ({"affine": True}, (5, 4, 4)), ({}, (2, 5, 4, 4)),
        (TRACKED, (2, 5, 4, 4)), (TRACKED, (5, 4, 4)), ({}, (2, 3, 1, 2)), ({}, (0, 3, 4, 4)),
    ]),
    *(("GroupNorm", {"num_groups": g, "num_channels": 6, **o}, s) for g, o, s in [
        (4, {}, (2, 6, 3)), (0, {}, (2, 6, 3)), (-2, {}, (2, 6, 3)), (2, {}, (2, 4, 3)),
        (2, PLAIN, (2, 4, 3)), (2, {}, (2, 5, 3)), (2, {}, (6,)), (6, {}, (1, 6)), (6, {}, (2, 6)),
        (6, PLAIN, (1, 6, 1)), (2, {}, (0, 6, 3)), (3, {}, (1, 3)),
    ]),
    *(("LayerNorm", {"normalized_shape": n, **o}, s) for n, o, s in [
        (3, {}, (4, 5)), ([2, 3], {}, (4, 3, 3)), ([2, 3], {}, (3,)), ((), {}, (4, 5)),
        (3, {"elementwise_affine": False}, (4, 5)), (3, {}, (0, 3)), (1, {}, (4, 1)),
    ]),
    *(("RMSNorm", {"normalized_shape": n, **o}, s) for n, o, s in [
        (3, {}, (4, 5)), ([2, 3], {}, (4, 3, 3)), ([2, 3], {}, (3,)), ((), {}, (4, 5)),
        (3, {"elementwise_affine": False}, (4, 5)), (3, {}, (0, 3)), (1, {}, (4, 1)),
    ]),
]  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "options", "shape"), BAD, ids=lambda v: str(v))
def test_errors_are_those_of_torch(name: str, options: dict, shape: tuple, training: bool) -> None:
    """In type and message; where torch raises nothing, neither do ours."""
    x = torch.randn(shape)
    mine = error_of(lambda: getattr(ours, name)(**options).train(training)(x))
    theirs = error_of(lambda: getattr(nn, name)(**options).train(training)(x))
    assert mine == theirs


def test_errors_there_are() -> None:
    """So that the test above does not compare nothing with nothing."""
    found = [error_of(lambda b=b: getattr(ours, b[0])(**b[1])(torch.randn(b[2])))[0] for b in BAD]
    assert min(found.count(ValueError), found.count(RuntimeError)) >= 20


def test_channels_without_use_are_a_warning() -> None:
    layer, x = ours.InstanceNorm2d(3), torch.randn(2, 5, 4, 4)
    with pytest.warns(UserWarning, match="input's size at dim=1 does not match num_features"):
        layer(x)


@few
def test_other_dtypes_are_refused_as_torch_does(name: str, options: dict, shape: tuple) -> None:
    x = torch.randn(shape).double()
    mine = error_of(lambda: getattr(ours, name)(**options)(x))
    theirs = error_of(lambda: getattr(nn, name)(**options)(x))
    assert mine == theirs


@few
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(name: str, options: dict, shape: tuple, dtype: torch.dtype) -> None:
    """Computed in float32, the output rounded once: the nearest number to the exact result.

    torch's own batch norm rounds on the way, and not on all processors alike.
    """
    mine = getattr(ours, name)(**options, dtype=dtype)
    x = randn(*shape).to(dtype)
    for training in (True, False):
        exact = getattr(nn, name)(**options, dtype=torch.float64).train(training)
        exact.load_state_dict(mine.state_dict())
        y, z = mine.train(training)(x), exact(x.double())
        assert y.dtype == getattr(nn, name)(**options, dtype=dtype).train(training)(x).dtype
        torch.testing.assert_close(y.double(), z, rtol=0.51 * torch.finfo(dtype).eps, atol=1e-6)
        for (n, a), b in zip(mine.state_dict().items(), exact.state_dict().values(), strict=True):
            assert a.dtype == (dtype if b.is_floating_point() else b.dtype), n
            torch.testing.assert_close(a, b.to(a.dtype), rtol=torch.finfo(dtype).eps, atol=0)


def test_an_empty_batch_leaves_running_statistics_as_they_are() -> None:
    for layer in (ours.BatchNorm1d(3), nn.BatchNorm1d(3)):
        layer(torch.zeros(0, 3))
        assert layer.running_mean.tolist() == [0, 0, 0]
        assert layer.running_var.tolist() == [1, 1, 1]
        assert layer.num_batches_tracked == 1


@few
def test_a_copy_is_independent(name: str, options: dict, shape: tuple) -> None:
    mine, _ = pair(name, options)
    before = copy.deepcopy(mine.state_dict())
    copy.deepcopy(mine)(randn(*shape))
    close(dict(mine.state_dict()), dict(before))


@few
def test_the_input_is_left_as_it_was(name: str, options: dict, shape: tuple) -> None:
    mine, _ = pair(name, options)
    x = randn(*shape)
    before = x.clone()
    mine(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("axes", [[0], [1, 2], [0, 2], [-1], (0, 1, 2)])
def test_normalize_is_one_idea(axes: Any) -> None:
    x = randn(5, 6, 7)
    mu, var = x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
    close(normalize(x, axes, 0.3), (x - mu) / (var + 0.3).sqrt())
    close(moments(x, axes), (mu, var))
    z = normalize(x, axes, 0.0)
    close(z.mean(axes), torch.zeros_like(z.mean(axes)))
    close(z.var(axes, correction=0), torch.ones_like(z.mean(axes)))


def test_identities_between_the_norms() -> None:
    x = randn(4, 6, 3, 5)
    one, each = ours.GroupNorm(1, 6, affine=False), ours.GroupNorm(6, 6, affine=False)
    close(one(x), ours.LayerNorm([6, 3, 5], elementwise_affine=False)(x))
    close(each(x), ours.InstanceNorm2d(6)(x))
    one_image = ours.BatchNorm2d(6, affine=False, dtype=x.dtype)(x[:1])
    close(one_image, ours.InstanceNorm2d(6)(x[:1]))
    centred = x - x.mean((1, 2, 3), keepdim=True)
    rms = ours.RMSNorm([6, 3, 5], eps=1e-5, elementwise_affine=False)
    close(rms(centred), ours.LayerNorm([6, 3, 5], elementwise_affine=False)(x))


@pytest.mark.parametrize("name", ["BatchNorm1d", "BatchNorm2d"])
def test_tracking_switched_off_later(name: str) -> None:
    """As in torch: statistics stay as they are, and are still used in evaluation mode."""
    shape = ONCE[name][0]
    mine, theirs = pair(name, {"num_features": 3})
    for module in (mine, theirs):
        module.track_running_stats = False
    for training in (True, False):
        x = randn(*shape)
        close(mine.train(training)(x), theirs.train(training)(x))
        close(dict(mine.state_dict()), dict(theirs.state_dict()))
