"""SGDW: momentum SGD with decoupled weight decay (Loshchilov and Hutter 2019)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.optimizer import Group, Optimizer, State


class SGDW(Optimizer):
    """Momentum SGD whose weight decay passes neither through the momentum nor through lr::

        m = momentum m + lr g
        x = x - m - eta weight_decay x          eta = lr / initial_lr

    Algorithm 1 of the paper: lr is its product of the rate alpha and the schedule multiplier eta,
    initial_lr its alpha, so a scheduler of PyTorch moves eta. ``initial_lr`` is an entry of each
    group: the lr it starts with, unless it is given. Without a schedule, or with initial_lr = 0,
    eta is 1. (OneCycleLR writes its own initial_lr, the low rate of its start: there eta rises far
    above 1, and the decay with it.) `torch.optim` has no twin. Its `SGD` keeps lr outside of the
    momentum and its `AdamW` decays by lr weight_decay: a weight_decay of SGDW is about lr times
    one of theirs.

    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor([1.0, 10.0]))
    >>> sgdw = SGDW([x], lr=0.1, momentum=0.9, weight_decay=0.05)
    >>> x.grad = torch.zeros(2)
    >>> sgdw.step()  # each number loses the same part, 0.05, whatever lr and momentum
    >>> x
    Parameter containing:
    tensor([0.9500, 9.5000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        weight_decay: float | Tensor = 0,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, locals())

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group as `torch.optim.Optimizer` does, and note the lr it starts with."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        group.setdefault("initial_lr", float(group["lr"]))  # as PyTorch's schedulers call it

    def start(self, x: Tensor, group: Group) -> State:
        """m; zeros."""
        return {"momentum_buffer": torch.zeros_like(x, memory_format=torch.preserve_format)}

    def decay(self, x: Tensor, g: Tensor, group: Group) -> Tensor:
        """x = x - eta weight_decay x, and g as it is."""
        alpha = group["initial_lr"]
        eta = group["lr"] / alpha if alpha != 0 else 1.0
        x.mul_(1 - eta * group["weight_decay"])
        return g

    def update(self, x: Tensor, g: Tensor, state: State, group: Group) -> None:
        """One step of the rule above; `decay` has done its last term."""
        m = state["momentum_buffer"]
        m.mul_(group["momentum"]).add_(g, alpha=group["lr"])  # m = μ m + lr g
        x.sub_(m)  # x = x - m
