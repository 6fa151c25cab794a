"""AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.optim.optimizer import ParamsT

from course_utils.optim.adam import Adam
from course_utils.optim.optimizer import Group, Optimizer


class AdamW(Adam):
    """Adam, where weight decay shrinks x itself and does not pass through m and v::

        x = x - lr weight_decay x       then Adam's step with g, not with g + weight_decay x

    As `torch.optim.AdamW`; see `Optimizer.decay`.

    >>> import torch
    >>> x = torch.nn.Parameter(torch.tensor([1.0, 10.0]))
    >>> adamw = AdamW([x], lr=0.1, weight_decay=0.5)
    >>> x.grad = torch.zeros(2)
    >>> adamw.step()  # each number loses the same part, 0.1 * 0.5; with Adam it would lose lr
    >>> x
    Parameter containing:
    tensor([0.9500, 9.5000], requires_grad=True)
    """

    fixed: ClassVar[Group] = {"decoupled_weight_decay": True}  # see Optimizer.decay

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        Optimizer.__init__(self, params, locals())
