"""What all optimizers share, so that each one's own file holds its rule alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, overload

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.arguments import check

State = dict[str, Tensor]
Group = dict[str, Any]


class Optimizer(torch.optim.Optimizer):
    """An optimizer that updates each parameter by itself; a subclass gives `start` and `update`.

    Arguments, their order and defaults, the keys of groups and of the state, hooks and errors are
    those of `torch.optim`, so schedulers work and a `state_dict` can be loaded here or there.

    All optimizers have:

    - lr and the other numbers may be tensors of one element; they are used as plain numbers.
    - weight_decay adds weight_decay x to the gradient; see `decay`.
    - maximize: ascend, that is, use -g in place of g.
    - foreach, fused, capturable choose among PyTorch's implementations. There is only one here, so
      they change nothing but where and how precisely the state counts steps, as in PyTorch.
      A CUDA graph cannot capture a step: its count would stay as it was (RuntimeError).
    - differentiable: autograd records the step. Gradients flow through parameters, gradients
      and state, not through lr or other options (NotImplementedError).

    Parameters without a gradient are left out; those with complex numbers are updated as pairs of
    real ones. A sparse gradient is a RuntimeError where PyTorch does not take it either.
    """

    # Whether `update` gets sparse gradients, or complex numbers as they are.
    takes_sparse: ClassVar[bool] = False
    takes_complex: ClassVar[bool] = False
    # Options that neither a caller nor a loaded state can change.
    fixed: ClassVar[Group] = {}

    def __init__(self, params: ParamsT, arguments: dict[str, Any]) -> None:
        """``arguments``: the `locals()` of a constructor, all its arguments by name."""
        hidden = ("self", "params", "__class__")
        defaults = {name: value for name, value in arguments.items() if name not in hidden}
        defaults |= self.fixed
        check(defaults)
        super().__init__(params, defaults)

    def start(self, x: Tensor, group: Group) -> State:
        """The state of a parameter before its first step."""
        raise NotImplementedError

    def update(self, x: Tensor, g: Tensor, state: State, group: Group) -> None:
        """Change the parameter x and its state in place, from its gradient g."""
        raise NotImplementedError

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update all parameters; return what closure does, which computes loss and gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            for group in self.param_groups:
                self._step(numbers(group))
        return loss

    def _step(self, group: Group) -> None:
        found = [(x, g) for x in group["params"] if (g := x.grad) is not None]
        if not self.takes_sparse and any(g.is_sparse for _, g in found):
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")
        if any(x.is_cuda for x, _ in found[:1]) and torch.cuda.is_current_stream_capturing():
            raise RuntimeError(f"{type(self).__name__}.step() cannot be captured in a CUDA graph")
        for x, g in found:
            known = self.state.get(x)
            state = known or self.start(x, group)
            if group["differentiable"]:  # autograd may need the values before the step
                state = {name: value.clone() for name, value in state.items()}
            if group["maximize"]:
                g = -g
            if group["weight_decay"] != 0:
                g = self.decay(x, g, group)
            if not self.takes_complex and x.is_complex() and not g.is_sparse:
                parts = {name: as_real(value) for name, value in state.items()}
                self.update(as_real(x), as_real(g), parts, group)
            else:
                self.update(x, g, state, group)
            if state and state is not known:  # SGD without momentum has none
                self.state[x] = state

    def decay(self, x: Tensor, g: Tensor, group: Group) -> Tensor:
        """g + weight_decay x; or decoupled: x = x - lr weight_decay x, and g as it is.

        The first is the gradient of the loss plus weight_decay / 2 times the squared norm of x.
        """
        if group.get("decoupled_weight_decay"):
            x.mul_(1 - group["lr"] * group["weight_decay"])
            return g
        if g.is_sparse:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        return g.add(x, alpha=group["weight_decay"])

    def zeros(self, x: Tensor, group: Group, *names: str) -> State:
        """A state of that many zeros like x, and a count of steps as `torch.optim` has it."""
        state = {"step": scalar(0.0, x, group)}
        for name in names:
            state[name] = torch.zeros_like(x, memory_format=torch.preserve_format)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Fill in what groups saved by another version of PyTorch do not have."""
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)
            group.update(self.fixed)


def scalar(value: float, x: Tensor, group: Group) -> Tensor:
    """A number in the state of x, where and as precise as `torch.optim` keeps it.

    On the CPU, where reading it does not wait for a GPU, unless the group is capturable or fused.
    """
    fused, capturable = group.get("fused"), group.get("capturable")
    double = torch.get_default_dtype() == torch.float64 and not fused
    dtype = torch.float64 if double else torch.float32
    return torch.tensor(value, dtype=dtype, device=x.device if fused or capturable else "cpu")


def count(state: State) -> float:
    """Count a step, and return how many there were with it: t = 1 in the first one."""
    state["step"] += 1
    return state["step"].item()


def root(v: Tensor, eps: float) -> Tensor:
    """The denominator of adaptive rules, sqrt(v) + eps, with one temporary tensor.

    >>> root(torch.tensor([4.0, 0.0]), eps=0.5)
    tensor([2.5000, 0.5000])
    """
    r = v.sqrt()
    # Autograd keeps sqrt(v) for the backward pass, so it must not change then.
    return r + eps if torch.is_grad_enabled() else r.add_(eps)


def as_real(x: Tensor) -> Tensor:
    """Complex numbers as pairs of real ones [..., 2], sharing memory; real numbers as they are."""
    return torch.view_as_real(x) if x.is_complex() else x


def numbers(group: Group) -> Group:
    """The group with numbers in place of tensors among its options."""
    found = {name: number(v, group) if isinstance(v, Tensor) else v for name, v in group.items()}
    if "betas" in group:
        beta1, beta2 = group["betas"]
        found["betas"] = number(beta1, group), number(beta2, group)
    return found


def number(value: float | Tensor, group: Group) -> float:
    """An option as a plain number; NotImplementedError where autograd would have to follow it."""
    if not isinstance(value, Tensor):
        return value
    if group["differentiable"] and value.requires_grad:
        raise NotImplementedError("an option requires a gradient, which is not computed")
    return value.item()
