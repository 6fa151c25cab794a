"""RAdam (Liu et al. 2020)."""

from __future__ import annotations

from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.optimizer import Group, Optimizer, State, count, root


class RAdam(Optimizer):
    """Adam with a rectified step while v rests on few gradients; as `torch.optim.RAdam`::

        m = beta1 m + (1 - beta1) g
        v = beta2 v + (1 - beta2) g^2
        rho = rho_inf - 2 t beta2^t / (1 - beta2^t)      rho_inf = 2 / (1 - beta2) - 1
        rho > 5:   x = x - lr r m / (1 - beta1^t) sqrt(1 - beta2^t) / (sqrt(v) + eps)
        else:      x = x - lr m / (1 - beta1^t)

        r^2 = (rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho)

    decoupled_weight_decay: as AdamW.

    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    >>> radam = RAdam([x], lr=0.1)
    >>> x.grad = torch.tensor([1.0, 0.01])
    >>> radam.step()  # the first steps are gradient descent with momentum
    >>> x
    Parameter containing:
    tensor([0.9000, 0.9990], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def start(self, x: Tensor, group: Group) -> State:
        """m and v, zeros."""
        return self.zeros(x, group, "exp_avg", "exp_avg_sq")

    def update(self, x: Tensor, g: Tensor, state: State, group: Group) -> None:
        """One step of the rule above."""
        m, v, t = state["exp_avg"], state["exp_avg_sq"], count(state)
        beta1, beta2 = group["betas"]
        m.lerp_(g, 1 - beta1)  # m = β1 m + (1 - β1) g
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)  # v = β2 v + (1 - β2) g²
        lr = group["lr"] / (1 - beta1**t)  # lr m̂ = lr / (1 - β1ᵗ) m
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        if rho > 5:
            r = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
            lr *= (r * (1 - beta2**t)) ** 0.5
            x.addcdiv_(m, root(v, group["eps"]), value=-lr)  # x = x - lr r m̂ / (√v̂ + ε)
        else:
            x.add_(m, alpha=-lr)  # x = x - lr m̂
