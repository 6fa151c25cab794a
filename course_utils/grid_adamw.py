"""AdamW for a whole grid of settings: each member of a batched network has its own numbers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class GridAdamW(torch.optim.Optimizer):
    """AdamW in which member i has the learning rate lr[i] and the weight decay weight_decay[i].

    `ensemble.train` gives an optimizer the parameters [M, ...] of M members at once. A list of M
    optimizers takes M times as many small operations as this one, which does the same with
    tensors. For member i, with its own x, g, m, v and a rate that falls to lr_final[i]::

        lr_t = lr (lr_final / lr)^((t - 1) / steps),   t = 1, 2, ...
        x = x - lr_t weight_decay x, then Adam's step as in `torch.optim.AdamW`

    ``params``: tensors [M, ...]. ``lr``, ``weight_decay`` and ``lr_final`` (by default lr, then
    ``steps`` has no effect): [M], or longer, where the first M count, or [1] for all members.
    Raises ValueError for numbers that are negative, differ in length, or are too few.

    >>> x = torch.nn.Parameter(torch.ones(2, 3))
    >>> adamw = GridAdamW([x], lr=torch.tensor([0.1, 0.1]), weight_decay=torch.tensor([0.0, 5.0]))
    >>> x.grad = torch.zeros(2, 3)
    >>> adamw.step()
    >>> x[:, 0].tolist()
    [1.0, 0.5]
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: Tensor,
        weight_decay: Tensor,
        lr_final: Tensor | None = None,
        steps: int = 1,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.lr, self.weight_decay = lr, weight_decay
        self.lr_final = lr if lr_final is None else lr_final
        self.steps, self.betas, self.eps, self.t = steps, betas, eps, 0
        super().__init__(params, {})
        self._check()

    def _check(self) -> None:
        numbers = (self.lr, self.weight_decay, self.lr_final)
        lengths = [len(n) for n in numbers]
        members = max(len(x) for group in self.param_groups for x in group["params"])
        if len(set(lengths)) != 1 or 1 < lengths[0] < members:
            raise ValueError(
                "lr, weight_decay and lr_final must have one number, or one for each of the "
                f"{members} members, got {lengths}"
            )
        if any((n < 0).any() for n in numbers):
            raise ValueError("lr, weight_decay and lr_final must not be negative")

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # needs no closure
        """Update every member by its own numbers."""
        passed = self.t / self.steps
        self.t += 1
        lr_t = self.lr * (self.lr_final / self.lr).nan_to_num(nan=1.0) ** passed
        for group in self.param_groups:
            for x in group["params"]:
                self._update(x, x.grad, lr_t)

    def _update(self, x: Tensor, g: Tensor, lr_t: Tensor) -> None:
        state = self.state[x]
        if not state:
            state.update(m=torch.zeros_like(x), v=torch.zeros_like(x))
        shape = (-1, *[1] * (x.ndim - 1))  # one number for all weights of a member
        lr, decay = (n[: len(x)].to(x).view(shape) for n in (lr_t, self.weight_decay))
        beta1, beta2 = self.betas
        x.mul_(1 - lr * decay)
        m = state["m"].lerp_(g, 1 - beta1)
        v = state["v"].mul_(beta2).addcmul_(g, g, value=1 - beta2)
        root = (v / (1 - beta2**self.t)).sqrt_().add_(self.eps)
        x.sub_((m / root).mul_(lr / (1 - beta1**self.t)))
