"""One optimizer for each setting, side by side on the stacked parameters of all members."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

OptimizerFactory = Callable[[list[nn.Parameter]], Optimizer]
ScheduleFactory = Callable[[Optimizer], LRScheduler]


class BatchedOptimizer:
    """G optimizers, each on its own S members of stacked parameters [G*S, ...].

    An optimizer gets parameters [S, ...] that are views of the stacked ones, so its update is
    theirs. ValueError for no parameter, or an optimizer that is not element-wise.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        optimizers: Sequence[OptimizerFactory],
        schedules: Sequence[ScheduleFactory],
    ) -> None:
        if not parameters:
            raise ValueError("models must have a parameter with requires_grad=True, got none")
        settings = len(optimizers)
        for make in dict.fromkeys(optimizers):
            check_elementwise(make, parameters)
        self.parameters = parameters
        self.slices = [[nn.Parameter(s) for s in p.detach().chunk(settings)] for p in parameters]
        self.optimizers = [
            make([slices[g] for slices in self.slices]) for g, make in enumerate(optimizers)
        ]
        self.schedules = [
            make(optimizer) for make, optimizer in zip(schedules, self.optimizers, strict=False)
        ]

    def step(self) -> None:
        """Update every setting from the gradients of the stacked parameters; clear those."""
        for parameter, slices in zip(self.parameters, self.slices, strict=True):
            gradient = parameter.grad
            parts = [None] * len(slices) if gradient is None else gradient.chunk(len(slices))
            for piece, part in zip(slices, parts, strict=True):
                piece.grad = part
            parameter.grad = None
        for optimizer in self.optimizers:
            optimizer.step()
        for schedule in self.schedules:
            schedule.step()


def check_elementwise(make: OptimizerFactory, parameters: Sequence[Tensor]) -> None:
    """Raise ValueError if an optimizer lets one member of a stack change another's update.

    Tried out on two members: the first must move alike whatever the second one does. True of SGD,
    Adam and their relatives; not of LBFGS (line search), Muon (orthogonal updates), Adafactor,
    LARS or LAMB (norms over a whole tensor).
    """

    def first_member(scale: float) -> list[Tensor]:
        torch.manual_seed(0)
        sizes = torch.tensor([1.0, scale])
        trial = [
            nn.Parameter(torch.einsum("m...,m->m...", torch.randn(2, *p.shape[1:]), sizes))
            for p in parameters
        ]
        optimizer = make(trial)
        for _ in range(2):
            for parameter in trial:
                noise = torch.randn(parameter.shape)
                parameter.grad = torch.einsum("m...,m->m...", noise, sizes)
            optimizer.step()
        return [parameter.detach()[0] for parameter in trial]

    explanation = (
        "optimizer must be element-wise (SGD, Adam, AdamW, RMSprop, ...), so that members stacked "
        "in one tensor do not mix"
    )
    try:
        once, again = first_member(1.0), first_member(100.0)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{explanation}; trying it out failed with: {error}") from error
    if not all(torch.equal(a, b) for a, b in zip(once, again, strict=True)):
        raise ValueError(f"{explanation}; got one whose update of a member depends on others")
