"""`course_utils.optim` against `torch.optim`: states, errors, and what drives an optimizer."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import optim_cases as cases
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from optim_cases import NAMES, TOLERANCE, Options
from optim_inputs import inputs_of_pytorch
from torch import Tensor, nn
from torch.optim import lr_scheduler

import course_utils.optim as ours
from course_utils.ensemble import train

Optimizers = tuple[torch.optim.Optimizer, torch.optim.Optimizer]
each = pytest.mark.parametrize("name", NAMES)
on_cpu_and_gpu = pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=pytest.mark.skipif("not torch.cuda.is_available()"))],
)


def both(name: str) -> tuple[type[torch.optim.Optimizer], type[torch.optim.Optimizer]]:
    return getattr(ours, name), getattr(torch.optim, name)


def pair(name: str, **options: Any) -> Optimizers:
    """Ours and PyTorch's on equal networks in float64."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    return tuple(
        make(copy.deepcopy(net).parameters(), **copy.deepcopy(options)) for make in both(name)
    )


def advance(optimizers: tuple[torch.optim.Optimizer, ...], steps: int = 5, seed: int = 0) -> None:
    g = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for xs in zip(*map(cases.everything, optimizers), strict=True):
            gradient = torch.randn(xs[0].shape, dtype=xs[0].dtype, generator=g)
            for x in xs:
                x.grad = gradient.clone()
        for optimizer in optimizers:
            optimizer.step()


def assert_same_parameters(optimizers: Optimizers, tolerance: float) -> None:
    for x, y in zip(*map(cases.everything, optimizers), strict=True):
        assert cases.difference(x, y) <= tolerance


def assert_equal(optimizers: Optimizers, tolerance: float = TOLERANCE) -> None:
    assert_same_parameters(optimizers, tolerance)
    assert cases.states_difference(*optimizers) <= tolerance


@each
def test_names_order_and_defaults_of_arguments_are_those_of_pytorch(name: str) -> None:
    mine, other = (
        [(p.name, p.kind, p.default) for p in inspect.signature(make).parameters.values()]
        for make in both(name)
    )
    assert mine == other
    assert issubclass(getattr(ours, name), torch.optim.Optimizer)


@pytest.mark.parametrize("name", ["SGD", "Adagrad"])
def test_sparse_gradients_that_add_up_to_nothing_or_are_empty(name: str) -> None:
    optimizers = pair(name, lr=0.1)
    for optimizer in optimizers:
        for x in cases.everything(optimizer):
            empty = torch.empty(x.ndim, 0, dtype=torch.long)
            x.grad = torch.sparse_coo_tensor(empty, x.new_empty(0), x.shape, check_invariants=True)
        optimizer.step()
    assert_equal(optimizers)


@each
def test_sparse_gradients_are_refused_as_pytorch_refuses_them(name: str) -> None:
    messages = []
    for optimizer in pair(name, weight_decay=0.1):
        *dense, last = cases.everything(optimizer)
        for x in dense:
            x.grad = torch.ones_like(x)
        last.grad = torch.ones_like(last).to_sparse()
        before = copy.deepcopy(cases.everything(optimizer))
        with pytest.raises(RuntimeError, match="sparse") as error:
            optimizer.step()
        messages.append(str(error.value))
        if name not in ("SGD", "Adagrad"):
            assert all(map(torch.equal, before, cases.everything(optimizer)))
    if name != "SGD":  # there PyTorch speaks of the addition that fails
        assert messages[1].startswith(messages[0].replace("AdamW", "Adam"))


@each
def test_closure_computes_loss_and_gradients(name: str) -> None:
    optimizers = pair(name)
    for optimizer in optimizers:
        for step in range(5):

            def closure(optimizer: Any = optimizer, step: int = step) -> Tensor:
                optimizer.zero_grad()
                loss = sum(((x - step) ** 2).sum() for x in cases.everything(optimizer))
                loss.backward()
                return loss

            with torch.no_grad():  # a closure has gradients all the same
                loss = optimizer.step(closure)
            assert torch.is_grad_enabled()
            assert loss.requires_grad
    assert_equal(optimizers)


@each
def test_numbers_beyond_the_table_equal_pytorch(name: str) -> None:
    part = st.floats(0, 0.999)
    ranges = {
        "lr": st.floats(0, 2), "weight_decay": st.floats(0, 1), "betas": st.tuples(part, part),
        "eps": st.floats(1e-6, 1), "momentum": part, "dampening": part, "rho": part, "alpha": part,
        "lr_decay": st.floats(0, 1), "initial_accumulator_value": st.floats(0, 1),
        "momentum_decay": part, "maximize": st.booleans(),
    }  # fmt: skip
    known = inspect.signature(getattr(torch.optim, name)).parameters
    fixed = st.fixed_dictionaries({key: values for key, values in ranges.items() if key in known})

    @settings(max_examples=30, deadline=None, database=None, derandomize=True)
    @given(fixed, st.integers(0, 5))
    def check(options: Options, seed: int) -> None:
        optimizers = pair(name, **options)
        advance(optimizers, steps=10, seed=seed)
        assert_equal(optimizers)

    check()


BAD: list[tuple[str, Any]] = [
    ("lr", -1.0), ("lr", "fast"), ("lr", None), ("lr", torch.tensor(-1.0)), ("lr", torch.ones(2)),
    ("eps", -1e-8), ("weight_decay", -0.1), ("momentum", -0.9), ("lr_decay", -1),
    ("initial_accumulator_value", -1), ("rho", 1.5), ("rho", -0.1), ("alpha", -0.1),
    ("momentum_decay", -1), ("nesterov", True), ("betas", (-0.1, 0.9)), ("betas", (0.9, 1.0)),
    ("betas", (0.9, torch.tensor(0.9))), ("betas", (0, 0.9)), ("betas", 0.9), ("betas", (0.9,)),
    ("speed", 1.0),
]  # fmt: skip


@each
@pytest.mark.parametrize(("argument", "value"), BAD, ids=str)
def test_bad_arguments_have_the_errors_of_pytorch(name: str, argument: str, value: Any) -> None:
    errors = []
    for make in both(name):
        try:
            make([nn.Parameter(torch.ones(2))], **{argument: value})
        except Exception as error:
            errors.append(error)
    if not errors and argument == "betas":
        return
    mine, other = errors
    assert type(mine) is type(other)
    if isinstance(other, ValueError):
        assert str(mine) == str(other)


@each
def test_bad_parameters_have_the_errors_of_pytorch(name: str) -> None:
    x = nn.Parameter(torch.ones(2))
    for bad in (x, [], [1.0], [{"params": {x}}], [x * 2], [{"params": [x]}, {"params": [x]}]):
        errors = []
        for make in both(name):
            with pytest.raises((TypeError, ValueError)) as error:
                make(bad)
            errors.append((type(error.value), str(error.value)))
        assert errors[0] == errors[1]


@each
def test_inputs_with_which_pytorch_tests_its_own_drive_ours(name: str) -> None:
    for options in inputs_of_pytorch()[name].good:
        outcomes = []
        for make in both(name):
            leaves = not options.get("differentiable")
            xs = [torch.ones(3, 2, dtype=torch.float64), torch.zeros((), dtype=torch.float64)]
            try:
                optimizer = make([x.requires_grad_(leaves) for x in xs], **copy.deepcopy(options))
                for step in range(5):
                    for x in xs:
                        x.grad = torch.full_like(x, 1.0 + step)
                    optimizer.step()
                outcomes.append(xs)
            except Exception as error:
                outcomes.append(error)
        mine, other = outcomes
        if isinstance(other, Exception):
            assert isinstance(mine, list) or type(mine) is type(other), (options, mine)
        else:
            # Their tensors are of float32, in which PyTorch computes with them; ours does not.
            single = torch.is_tensor(options.get("lr")) or torch.is_tensor(options.get("betas", 0))
            single = single or "differentiable" in options or "betas" in options
            tolerance = 1e-6 if single else TOLERANCE
            for x, y in zip(mine, other, strict=True):
                assert cases.difference(x, y) <= tolerance, options


@each
def test_errors_with_which_pytorch_tests_its_own_are_ours_too(name: str) -> None:
    for params, options, error, words in inputs_of_pytorch()[name].bad:
        expect = pytest.warns if issubclass(error, Warning) else pytest.raises
        with expect(error, match=words):
            getattr(ours, name)(params or [nn.Parameter(torch.ones(2))], **options)


TENSORS = [torch.tensor(0.1), torch.tensor([0.1]), nn.Parameter(torch.tensor([0.1]))]


@each
@pytest.mark.parametrize("lr", TENSORS)
def test_lr_may_be_any_tensor_of_one_element(name: str, lr: Tensor) -> None:
    optimizers = pair(name, lr=lr)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advance((optimizers[0], optimizers[0]), steps=1)
    optimizers = pair(name, lr=lr.detach())
    advance(optimizers)
    assert_equal(optimizers, tolerance=1e-6)  # PyTorch rounds lr / (1 - beta^t) to float32


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_tensors_among_the_options_are_used_as_plain_numbers(name: str) -> None:
    options = {"lr": torch.tensor(0.1), "betas": (torch.tensor(0.9), torch.tensor(0.99))}
    numbers = {"lr": options["lr"].item(), "betas": tuple(b.item() for b in options["betas"])}
    tensors, pytorch = pair(name, **options)
    optimizers = (tensors, pair(name, **numbers)[0])
    advance(optimizers)
    advance((pytorch,))
    assert_same_parameters(optimizers, tolerance=0)
    assert_same_parameters((tensors, pytorch), tolerance=1e-6)


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_lower_precision_stays_as_close_as_rounding_lets_it(name: str, dtype: torch.dtype) -> None:
    optimizers = pair(name, eps=1e-4) if name != "SGD" else pair(name, momentum=0.9)
    for optimizer in optimizers:
        for x in cases.everything(optimizer):
            x.data = x.data.to(dtype)
        optimizer.state.clear()
    advance(optimizers)
    assert_equal(optimizers, tolerance=8 * torch.finfo(dtype).eps)


@each
@pytest.mark.parametrize("again", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_go_on_as_the_original(name: str, again: Callable[[Any], Any]) -> None:
    optimizers = pair(name)
    advance(optimizers)
    copied = again(optimizers[0])
    assert repr(copied) == repr(optimizers[0]) == repr(optimizers[1])
    advance((copied, optimizers[1]))
    assert_equal((copied, optimizers[1]))


@each
def test_states_of_older_versions_can_be_loaded(name: str) -> None:
    optimizers = pair(name)
    advance(optimizers)
    saved = copy.deepcopy(optimizers[1].state_dict())
    optimizers[1].load_state_dict(copy.deepcopy(saved))
    for group in saved["param_groups"]:
        for flag in ("foreach", "fused", "capturable", "differentiable", "maximize"):
            group.pop(flag, None)
        group.pop("decoupled_weight_decay", None)
    if name == "AdamW":
        saved["param_groups"][0]["decoupled_weight_decay"] = False  # as Adam's
    optimizers[0].load_state_dict(saved)
    advance(optimizers)
    assert_equal(optimizers)


@each
def test_a_group_can_be_added_later(name: str) -> None:
    optimizers = pair(name)
    advance(optimizers)
    for optimizer in optimizers:
        added = nn.Parameter(torch.ones(3, dtype=torch.float64))
        optimizer.add_param_group({"params": [added], "lr": 0.5, "maximize": True})
    advance(optimizers)
    assert_equal(optimizers)


SCHEDULES: list[Callable[[torch.optim.Optimizer], Any]] = [
    partial(lr_scheduler.StepLR, step_size=2),
    partial(lr_scheduler.OneCycleLR, max_lr=0.5, total_steps=20),  # changes momentum or beta1 too
    partial(lr_scheduler.ReduceLROnPlateau, patience=0),
]


@each
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.func.__name__)
def test_schedules_drive_it(name: str, schedule: Callable[[torch.optim.Optimizer], Any]) -> None:
    if name in ("Adagrad", "Adadelta") and schedule.func is lr_scheduler.OneCycleLR:
        schedule = partial(schedule, cycle_momentum=False)
    optimizers = pair(name, **({"momentum": 0.9} if name in ("SGD", "RMSprop") else {}))
    schedules = [schedule(optimizer) for optimizer in optimizers]
    for step in range(15):
        advance(optimizers, steps=1, seed=step)
        for s in schedules:
            s.step(*[1.0] * isinstance(s, lr_scheduler.ReduceLROnPlateau))
    assert_equal(optimizers)


@each
def test_hooks_are_called_once_a_step(name: str) -> None:
    calls: list[str] = []
    optimizer = pair(name)[0]
    optimizer.register_step_pre_hook(lambda *_: calls.append("before"))
    optimizer.register_step_post_hook(lambda *_: calls.append("after"))
    advance((optimizer, copy.deepcopy(optimizer)), steps=2)
    assert calls == ["before", "after"] * 2


@each
def test_steps_can_be_differentiated(name: str) -> None:
    """Through seven steps, of which RAdam rectifies two, to the start and all gradients."""
    make = getattr(ours, name)
    known = inspect.signature(make).parameters
    variants: list[Options] = [{}, {"maximize": True, "weight_decay": 0.1}]
    more = {"momentum": 0.9, "amsgrad": True, "centered": True, "decoupled_weight_decay": True}
    variants += [{key: more[key], "weight_decay": 0.1} for key in more if key in known]
    start = torch.tensor([1.0, -2.0], dtype=torch.float64)
    g = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    for options in variants:

        def run(x: Tensor, g: Tensor, options: Options = options) -> Tensor:
            x = x.clone()
            optimizer = make([x], **{"lr": 0.1, "differentiable": True} | options)
            for row in g:
                x.grad = row
                optimizer.step()
            return x

        inputs = start.clone().requires_grad_(), g.clone().requires_grad_()
        assert torch.autograd.gradcheck(run, inputs)
    with pytest.raises(NotImplementedError, match="option requires a gradient"):
        run(start.clone(), g, {"lr": torch.tensor(0.1, requires_grad=True)})


@each
def test_a_step_reads_nothing_from_the_device(name: str) -> None:
    """On the device "meta" tensors have no numbers, so reading one, or mixing devices, fails."""
    known = inspect.signature(getattr(ours, name)).parameters
    for flag in ("amsgrad", "centered", "momentum", "nesterov", "decoupled_weight_decay"):
        options: Options = {flag: 1} if flag in known else {}
        if flag == "nesterov" and flag in known:
            options = {"nesterov": True, "momentum": 0.9}
        xs = [nn.Parameter(torch.ones(3, dtype=d, device="meta")) for d in (None, torch.complex64)]
        optimizer = getattr(ours, name)(xs, weight_decay=0.1, **options)
        for x in xs:
            x.grad = torch.ones_like(x)
        for _ in range(7):
            optimizer.step()
        for state in optimizer.state.values():
            assert all(v.is_meta == (k not in ("step", "mu_product")) for k, v in state.items())


@each
def test_a_gradient_that_is_part_of_a_graph_is_only_read(name: str) -> None:
    optimizer = pair(name)[0]
    for x in cases.everything(optimizer):
        (x.grad,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    optimizer.step()
    kept = [v for state in optimizer.state.values() for v in state.values()]
    assert not any(v.requires_grad for v in kept)


@each
def test_members_of_an_ensemble_train_as_with_pytorch(name: str) -> None:
    def losses(make: Any) -> Tensor:
        torch.manual_seed(0)
        models = [nn.Linear(3, 2).double() for _ in range(2)]
        data = torch.randn(20, 3).double(), torch.randint(2, (20,))
        history = train(
            models, data, seeds=[0, 1], optimizer=partial(make, lr=0.05), steps=20, batch_size=5,
            evaluate={"train": data}, metrics={"loss": F.cross_entropy}, every=10,
        )  # fmt: skip
        return torch.as_tensor(history["train", "loss"])

    mine, other = map(losses, both(name))
    torch.testing.assert_close(mine, other, atol=TOLERANCE, rtol=0)


def test_adagrad_shares_its_sums() -> None:
    optimizer = pair("Adagrad")[0]
    optimizer.share_memory()
    assert all(state["sum"].is_shared() for state in optimizer.state.values())


@on_cpu_and_gpu
@each
def test_state_is_where_pytorch_has_it(name: str, device: str) -> None:
    for flags in ({}, {"capturable": True}, {"fused": True}):
        if not inspect.signature(getattr(ours, name)).parameters.keys() >= flags.keys():
            continue
        if device == "cpu" and "capturable" in flags:
            continue  # PyTorch does not take it there
        optimizers = pair(name, **flags)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["params"] = [nn.Parameter(x.to(device)) for x in group["params"]]
            if name == "Adagrad":
                optimizer.__init__(optimizer.param_groups[0]["params"], **flags)
            optimizer.state.clear()
            for x in cases.everything(optimizer):
                x.grad = torch.ones_like(x)
            optimizer.step()
        # A capturable step computes with its count, which is of float32.
        assert_equal(optimizers, 1e-6 if "capturable" in flags else TOLERANCE)


@pytest.mark.skipif("not torch.cuda.is_available()")
@each
def test_a_step_is_not_captured_in_a_graph_with_its_count(name: str) -> None:
    x = nn.Parameter(torch.ones(2, device="cuda"))
    x.grad = torch.ones_like(x)
    optimizer = getattr(ours, name)([x])
    optimizer.step()
    with pytest.raises(RuntimeError, match="captured"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        optimizer.step()
