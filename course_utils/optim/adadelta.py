"""Adadelta (Zeiler 2012)."""

from __future__ import annotations

from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.optimizer import Group, Optimizer, State, count


class Adadelta(Optimizer):
    """Steps in the unit of x, from running means of squares; as `torch.optim.Adadelta`::

        v = rho v + (1 - rho) g^2
        d = sqrt((u + eps) / (v + eps)) g       the paper's RMS[dx] / RMS[g] g
        u = rho u + (1 - rho) d^2
        x = x - lr d                            the paper has no lr: it is 1

    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    >>> adadelta = Adadelta([x], eps=1e-4)
    >>> x.grad = torch.tensor([100.0, 1.0])
    >>> adadelta.step()  # u is 0: the first step has length sqrt(eps / (1 - rho))
    >>> x
    Parameter containing:
    tensor([0.9684, 0.9684], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def start(self, x: Tensor, group: Group) -> State:
        """v and u, zeros."""
        return self.zeros(x, group, "square_avg", "acc_delta")

    def update(self, x: Tensor, g: Tensor, state: State, group: Group) -> None:
        """One step of the rule above."""
        count(state)  # as PyTorch; the rule needs no t
        v, u = state["square_avg"], state["acc_delta"]
        rho, eps = group["rho"], group["eps"]
        v.mul_(rho).addcmul_(g, g, value=1 - rho)  # v = ρ v + (1 - ρ) g²
        d = u.add(eps).div_(v + eps).sqrt_().mul(g)  # d = √((u + ε) / (v + ε)) g
        u.mul_(rho).addcmul_(d, d, value=1 - rho)  # u = ρ u + (1 - ρ) d²
        x.add_(d, alpha=-group["lr"])  # x = x - lr d
