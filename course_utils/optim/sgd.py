"""Stochastic gradient descent, with heavy-ball or Nesterov momentum."""

from __future__ import annotations

from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.optimizer import Group, Optimizer, State


class SGD(Optimizer):
    """Gradient descent, optionally with momentum; as `torch.optim.SGD`::

        b = momentum b + (1 - dampening) g      the first b is g
        x = x - lr b                            nesterov: x = x - lr (g + momentum b)

    The learning rate multiplies b, not g: a change of lr acts at once on all that b has gathered.

    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor(1.0))
    >>> sgd = SGD([x], lr=0.1, momentum=0.9)
    >>> x.grad = torch.tensor(1.0)
    >>> for _ in range(2):  # 1 - 0.1 = 0.9, then 0.9 - 0.1 (0.9 + 1) = 0.71
    ...     sgd.step()
    >>> x
    Parameter containing:
    tensor(0.7100, requires_grad=True)
    """

    takes_sparse = takes_complex = True  # the rule is linear in g

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, locals())

    def start(self, x: Tensor, group: Group) -> State:
        """Nothing: the momentum starts as the first gradient."""
        return {}

    def update(self, x: Tensor, g: Tensor, state: State, group: Group) -> None:
        """One step of the rule above."""
        if (momentum := group["momentum"]) != 0:
            b = state.get("momentum_buffer")
            if b is None:
                b = state["momentum_buffer"] = g.clone()
            else:
                b.mul_(momentum).add_(g, alpha=1 - group["dampening"])  # b = μ b + (1 - τ) g
            g = g.add(b, alpha=momentum) if group["nesterov"] else b  # g + μ b, or b
        x.add_(g, alpha=-group["lr"])  # x = x - lr g
