"""AdaGrad (Duchi, Hazan, Singer 2011)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.optimizer import Group, Optimizer, State, count, root, scalar


class Adagrad(Optimizer):
    """Divide by the root of the sum of all squared gradients so far; as `torch.optim.Adagrad`::

        s = s + g^2                             s starts as initial_accumulator_value
        x = x - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)

    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    >>> adagrad = Adagrad([x], lr=0.1)
    >>> x.grad = torch.tensor([100.0, 0.01])
    >>> adagrad.step()  # the first step has length lr, whatever the gradient
    >>> x
    Parameter containing:
    tensor([0.9000, 0.9000], requires_grad=True)
    """

    takes_sparse = True

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, locals())
        for group in self.param_groups:
            self.state.update({x: self.start(x, group) for x in group["params"]})

    def start(self, x: Tensor, group: Group) -> State:
        """s, which PyTorch has from the start; for a complex x both parts have the value."""
        value = self.defaults["initial_accumulator_value"]
        s = torch.full_like(x, complex(value, value) if x.is_complex() else value)
        return {"step": scalar(0.0, x, group), "sum": s}

    def update(self, x: Tensor, g: Tensor, state: State, group: Group) -> None:
        """One step of the rule above."""
        s, t = state["sum"], count(state)
        lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        if g.is_sparse:
            g = g.coalesce()  # each index once: the sum is squared, not its parts
            i, g = tuple(g.indices()), g.values()
            s[i] += g**2
            x[i] -= lr * g / root(s[i], group["eps"])
        else:
            s.addcmul_(g, g)  # s = s + g²
            x.addcdiv_(g, root(s, group["eps"]), value=-lr)  # x = x - lr g / (√s + ε)

    def share_memory(self) -> None:
        """Move the sums to memory that other processes see, for training from several."""
        for state in self.state.values():
            state["sum"].share_memory_()
