"""Optimizers x argument combinations: where `course_utils.optim` is held to `torch.optim`.

The test and the table of `benchmarks/optim_parity.py` use these cases and this comparison.
"""

from __future__ import annotations

import copy
import inspect
import itertools
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

import course_utils.optim as ours

Options = dict[str, Any]

NAMES = ("SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "NAdam", "RAdam")
STEPS, TOLERANCE = 100, 1e-12
FLAG = (False, True)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


# The values tried of each argument; every combination of them is a case.
COMMON: dict[str, tuple[Any, ...]] = {"weight_decay": (0, 0.1), "maximize": FLAG}
ADAM = {"eps": (1e-8, 1e-3), "betas": ((0.9, 0.999), (0.5, 0.9))}
ADAM_TENSORS = {"betas": (*ADAM["betas"], (number(0.8), number(0.99)))}
VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "SGD": {"lr": (0.1, number(0.1)), "momentum": (0, 0.9), "dampening": (0, 0.3)}
    | COMMON
    | {"weight_decay": (0, 0.1, number(0.1)), "nesterov": FLAG},
    "Adagrad": {"lr": (0.1, number(0.1)), "lr_decay": (0, 0.01), "eps": (1e-10, 1e-3)}
    | COMMON
    | {"initial_accumulator_value": (0, 0.5)},
    "Adadelta": {"lr": (1.0, number(0.5)), "rho": (0.9, 0.5), "eps": (1e-6, 1e-3)} | COMMON,
    "RMSprop": {"lr": (0.1, number(0.1)), "alpha": (0.99, 0.5), "eps": (1e-8, 1e-3)}
    | COMMON
    | {"momentum": (0, 0.9), "centered": FLAG},
    "Adam": {"lr": (0.1, number(0.1))}
    | (ADAM | ADAM_TENSORS | COMMON)
    | {"amsgrad": FLAG, "decoupled_weight_decay": FLAG},
    "AdamW": {"lr": (0.1, number(0.1))} | (ADAM | ADAM_TENSORS | COMMON) | {"amsgrad": FLAG},
    "NAdam": {"lr": (0.1, number(0.1)), "momentum_decay": (4e-3, 0.1)}
    | (ADAM | COMMON)
    | {"decoupled_weight_decay": FLAG},
    "RAdam": {"lr": (0.1, number(0.1))} | (ADAM | COMMON) | {"decoupled_weight_decay": FLAG},
}


class Run(NamedTuple):
    """One of PyTorch's implementations, on a device, with dense or with sparse gradients."""

    flags: Options
    sparse: bool = False
    device: str = "cpu"

    def __str__(self) -> str:
        extra = ["sparse gradients"] * self.sparse + [self.device] * (self.device != "cpu")
        return ", ".join([*self.flags, *extra]) or "default"


def runs(name: str) -> list[Run]:
    """All runs of an optimizer: on the CPU, and on a GPU where there is one.

    foreach=None is True on a GPU and False on the CPU. capturable is for GPUs, and PyTorch counts
    steps in float32 then, so it is no case of equality to 1e-12.
    """
    found = [Run({}), Run({"foreach": True}), Run({"fused": True}), Run({"differentiable": True})]
    if torch.cuda.is_available():
        found += [Run(f, device="cuda") for f in ({}, {"foreach": False}, {"fused": True})]
    known = inspect.signature(getattr(torch.optim, name)).parameters
    found = [run for run in found if known.keys() >= run.flags.keys()]
    sparse = [Run({}, sparse=True), Run({"foreach": True}, sparse=True)]
    return found + sparse * getattr(ours, name).takes_sparse


def combinations(name: str, run: Run) -> Iterator[Options]:
    """All combinations of the values of an optimizer's arguments; none decays sparse gradients.

    Tensors in place of numbers are tried with PyTorch's default implementation.
    """
    values = VALUES[name] | ({"weight_decay": (0,)} if run.sparse else {})
    for chosen in itertools.product(*values.values()):
        if run == Run({}) or not any(map(has_tensor, chosen)):
            yield dict(zip(values, chosen, strict=True)) | run.flags


def has_tensor(value: Any) -> bool:
    return any(isinstance(v, Tensor) for v in (value if isinstance(value, tuple) else [value]))


@cache
def gradients(sparse: bool = False, device: str = "cpu") -> list[list[Tensor]]:
    """For each step the gradients of `parameters`, shared by all cases: none may write to them."""
    g = torch.Generator().manual_seed(1)
    shapes_and_dtypes = [((4, 2), torch.float64), ((2,), torch.complex128), ((), torch.float64)]
    steps = [
        [torch.randn(shape, dtype=dtype, generator=g) for shape, dtype in shapes_and_dtypes]
        for _ in range(STEPS)
    ]
    if sparse:  # rows of a table, some twice, as an embedding gives them
        for step in steps:
            rows = torch.randint(4, (1, 3), generator=g)
            values = torch.randn(3, 2, dtype=torch.float64, generator=g)
            step[0] = torch.sparse_coo_tensor(rows, values, (4, 2), check_invariants=True)
    return [[x.to(device) for x in step] for step in steps]


def parameters(run: Run) -> list[Tensor]:
    """A matrix, complex numbers and a number; differentiable steps do not take leaves."""
    starts = [x.detach().clone() for x in gradients(device=run.device)[0]]
    if "fused" in run.flags:  # it takes no complex numbers
        starts[1] = starts[1].real.clone()
    return [x.requires_grad_("differentiable" not in run.flags) for x in starts]


def build(
    make: Callable[..., torch.optim.Optimizer], options: Options, run: Run
) -> torch.optim.Optimizer:
    """An optimizer of two groups, the second with a lr and weight decay of its own."""
    *first, last = parameters(run)
    second = {"params": [last], "lr": options["lr"] * 0.5, "weight_decay": 0.01}
    return make([{"params": first}, second], **copy.deepcopy(options))


def everything(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [x for group in optimizer.param_groups for x in group["params"]]


def set_gradients(optimizer: torch.optim.Optimizer, step: int, run: Run, clone: bool) -> None:
    """Each parameter misses some gradients, and the second one all of the first ten."""
    found = gradients(run.sparse, run.device)[step]
    for i, (x, g) in enumerate(zip(everything(optimizer), found, strict=True)):
        missing = (step + i) % 7 == 3 or (i == 1 and step < 10)
        if g.is_complex() and not x.is_complex():
            g = g.real.contiguous()  # fused steps read other gradients in the wrong order
        x.grad = None if missing else g.clone() if clone else g


def difference(a: Tensor, b: Tensor) -> float:
    """The largest absolute difference; of another shape, dtype, layout or with NaN infinite."""
    alike = a.shape == b.shape and a.dtype == b.dtype and a.device == b.device
    if not alike or a.layout != b.layout:
        return float("inf")
    found = float((a - b).detach().to_dense().abs().max())
    return found if found == found else float("inf")


def states_difference(a: torch.optim.Optimizer, b: torch.optim.Optimizer) -> float:
    """The largest difference of two state_dicts; infinite where keys or options differ."""
    (mine, my_groups), (other, other_groups) = (o.state_dict().values() for o in (a, b))
    if my_groups != other_groups or mine.keys() != other.keys():
        return float("inf")
    if any(mine[i].keys() != other[i].keys() for i in mine):
        return float("inf")
    pairs = ((mine[i][name], other[i][name]) for i in mine for name in mine[i])
    return max((difference(x, y) for x, y in pairs), default=0.0)


def compare(name: str, options: Options, run: Run) -> float:
    """Run both for 100 steps and return the largest difference of any number after any step.

    Half way the learning rates change, and each one goes on from the other's state_dict.
    """
    a, b = (build(getattr(module, name), options, run) for module in (ours, torch.optim))
    worst = 0.0
    paths: dict[torch.optim.Optimizer, list[list[Tensor]]] = {a: [], b: []}
    for step in range(STEPS):
        if step == STEPS // 2:
            for group in [*a.param_groups, *b.param_groups]:
                group["lr"] = group["lr"] * 0.3
            worst = max(worst, states_difference(a, b))
            mine, other = (copy.deepcopy(o.state_dict()) for o in (a, b))
            a.load_state_dict(other)
            b.load_state_dict(mine)
        for optimizer in (a, b):
            set_gradients(optimizer, step, run, clone=optimizer is b)  # foreach=True writes to them
            optimizer.step()
            paths[optimizer].append([x.detach().clone() for x in everything(optimizer)])
    steps = (map(torch.stack, zip(*path, strict=True)) for path in paths.values())
    apart = [difference(x, y) for x, y in zip(*steps, strict=True)]
    return max(worst, *apart, states_difference(a, b))


def accepted(name: str, options: Options, run: Run) -> bool:
    """Whether PyTorch takes the combination; if it does not, ours must fail in the same words."""
    errors = []
    for module in (ours, torch.optim):
        try:
            build(getattr(module, name), options, run)
        except (ValueError, RuntimeError) as error:
            errors.append(repr(error))
        else:
            errors.append("")
    if errors[0] != errors[1]:
        raise AssertionError(f"{name} with {options}: {errors[0]!r} is not {errors[1]!r}")
    return not errors[0]


def parity(name: str, run: Run) -> tuple[int, float, Options]:
    """Number of combinations compared, the largest difference, and the case that has it."""
    before = torch.get_default_dtype()
    # PyTorch counts steps in the default dtype, and computes with these counts if differentiable.
    torch.set_default_dtype(before if "differentiable" not in run.flags else torch.float64)
    try:
        cases = [o for o in combinations(name, run) if accepted(name, o, run)]
        found = [compare(name, options, run) for options in cases]
    finally:
        torch.set_default_dtype(before)
    worst = max(range(len(cases)), key=found.__getitem__)
    return len(cases), found[worst], cases[worst]
