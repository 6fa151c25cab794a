"""RMSprop (Tieleman and Hinton 2012; centered: Graves 2013)."""

from __future__ import annotations

from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.optimizer import Group, Optimizer, State, count, root


class RMSprop(Optimizer):
    """Divide by the root of a running mean of squared gradients; as `torch.optim.RMSprop`::

        v = alpha v + (1 - alpha) g^2
        b = momentum b + g / (sqrt(v) + eps)
        x = x - lr b

    centered: v - m^2 in place of v below the root, with a running mean m of the gradients, so an
    estimate of their variance.

    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    >>> rmsprop = RMSprop([x], lr=0.01, alpha=0.99)
    >>> x.grad = torch.tensor([100.0, 1.0])
    >>> rmsprop.step()  # v starts at 0: the first step is lr / sqrt(1 - alpha), ten times lr
    >>> x
    Parameter containing:
    tensor([0.9000, 0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def start(self, x: Tensor, group: Group) -> State:
        """v, and b and m where the options need them; zeros."""
        b = ["momentum_buffer"] * (group["momentum"] > 0)
        m = ["grad_avg"] * group["centered"]
        return self.zeros(x, group, "square_avg", *b, *m)

    def update(self, x: Tensor, g: Tensor, state: State, group: Group) -> None:
        """One step of the rule above."""
        count(state)  # as PyTorch; the rule needs no t
        v, lr, alpha = state["square_avg"], group["lr"], group["alpha"]
        v.mul_(alpha).addcmul_(g, g, value=1 - alpha)  # v = α v + (1 - α) g²
        if group["centered"]:
            m = state["grad_avg"].lerp_(g, 1 - alpha)  # m = α m + (1 - α) g
            v = v.addcmul(m, m, value=-1)  # v - m²
        d = root(v, group["eps"])  # √v + ε
        if (momentum := group["momentum"]) > 0:
            b = state["momentum_buffer"].mul_(momentum).addcdiv_(g, d)  # b = μ b + g / d
            x.add_(b, alpha=-lr)  # x = x - lr b
        else:
            x.addcdiv_(g, d, value=-lr)  # x = x - lr g / d
