"""NAdam (Dozat 2016)."""

from __future__ import annotations

from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.optimizer import Group, Optimizer, State, count, root, scalar


class NAdam(Optimizer):
    """Adam with Nesterov momentum; as `torch.optim.NAdam`::

        mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2)
        m = beta1 m + (1 - beta1) g
        v = beta2 v + (1 - beta2) g^2
        x = x - lr ((1 - mu_t) g / (1 - mu_1 ... mu_t) + mu_(t+1) m / (1 - mu_1 ... mu_(t+1)))
            / (sqrt(v / (1 - beta2^t)) + eps)

    decoupled_weight_decay: as AdamW.

    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    >>> nadam = NAdam([x], lr=0.1)
    >>> x.grad = torch.tensor([100.0, 0.01])
    >>> nadam.step()
    >>> x
    Parameter containing:
    tensor([0.8944, 0.8944], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, locals())

    def start(self, x: Tensor, group: Group) -> State:
        """m and v, zeros, and the product of all mu, one."""
        product = {"mu_product": scalar(1.0, x, group)}
        return product | self.zeros(x, group, "exp_avg", "exp_avg_sq")

    def update(self, x: Tensor, g: Tensor, state: State, group: Group) -> None:
        """One step of the rule above."""
        m, v, t = state["exp_avg"], state["exp_avg_sq"], count(state)
        lr, psi, (beta1, beta2) = group["lr"], group["momentum_decay"], group["betas"]
        mu = beta1 * (1 - 0.5 * 0.96 ** (t * psi))
        mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * psi))
        product = state["mu_product"].mul_(mu).item()  # μ_1 ... μ_t
        m.lerp_(g, 1 - beta1)  # m = β1 m + (1 - β1) g
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)  # v = β2 v + (1 - β2) g²
        d = root(v / (1 - beta2**t), group["eps"])  # √v̂ + ε
        x.addcdiv_(g, d, value=-lr * (1 - mu) / (1 - product))
        x.addcdiv_(m, d, value=-lr * mu_next / (1 - product * mu_next))
