"""Adam (Kingma and Ba 2015) and AMSGrad (Reddi, Kale, Kumar 2018)."""

from __future__ import annotations

from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.optimizer import Group, Optimizer, State, count, root


class Adam(Optimizer):
    """Running means of gradients and of their squares, bias corrected; as `torch.optim.Adam`::

        m = beta1 m + (1 - beta1) g
        v = beta2 v + (1 - beta2) g^2
        x = x - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

    amsgrad: the largest v so far in place of v in the last line. decoupled_weight_decay: as AdamW.

    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    >>> adam = Adam([x], lr=0.1)
    >>> x.grad = torch.tensor([100.0, 0.01])
    >>> adam.step()  # the first step has length lr, whatever the gradient
    >>> x
    Parameter containing:
    tensor([0.9000, 0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def start(self, x: Tensor, group: Group) -> State:
        """m and v, and with amsgrad the largest v; zeros."""
        largest = ["max_exp_avg_sq"] * group["amsgrad"]
        return self.zeros(x, group, "exp_avg", "exp_avg_sq", *largest)

    def update(self, x: Tensor, g: Tensor, state: State, group: Group) -> None:
        """One step of the rule above."""
        m, v, t = state["exp_avg"], state["exp_avg_sq"], count(state)
        beta1, beta2 = group["betas"]
        m.lerp_(g, 1 - beta1)  # m = β1 m + (1 - β1) g
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)  # v = β2 v + (1 - β2) g²
        if group["amsgrad"]:
            v = state["max_exp_avg_sq"].clamp_(min=v)  # the largest v so far
        v_hat = v / (1 - beta2**t)
        lr = group["lr"] / (1 - beta1**t)  # lr m̂ = lr / (1 - β1ᵗ) m
        x.addcdiv_(m, root(v_hat, group["eps"]), value=-lr)  # x = x - lr m̂ / (√v̂ + ε)
