"""Gradients and updates of a run, seen through hooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

FIRST = 4  # updates whose direction is compared with the gradient


class Watcher:
    """Counts updates, and notes the gradients that the optimizer finds at each.

    `norms`: sum over updates of the gradient's norm, by parameter. `slopes`: gradient times change
    of weights in the first updates, below zero where an update goes downhill. `in_eval`: forward
    passes for a gradient that were made in evaluation mode.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.updates = 0
        self.in_eval = 0
        self.norms: dict[str, float] = {}
        self.slopes: list[float] = []
        self._sums: dict[str, Tensor] = {}
        self._before: list[tuple[Tensor, Tensor, Tensor]] = []

    @contextmanager
    def watch(self, optimizer: Optimizer) -> Iterator[None]:
        """Watch what happens in the block."""
        named = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]

        def at_update(*_: Any) -> None:
            self._at_update([(n, p, p.grad) for n, p in named if p.grad is not None])

        handles = [
            optimizer.register_step_pre_hook(at_update),
            optimizer.register_step_post_hook(self._after_update),
            self.model.register_forward_pre_hook(self._at_forward),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            self.norms = {name: float(total) for name, total in self._sums.items()}

    def _at_update(self, live: list[tuple[str, Tensor, Tensor]]) -> None:
        self.updates += 1
        for name, _, gradient in live:
            norm = gradient.coalesce().values().norm() if gradient.is_sparse else gradient.norm()
            self._sums[name] = self._sums[name] + norm if name in self._sums else norm
        if self.updates <= FIRST:
            dense = [(p, g) for _, p, g in live if not g.is_sparse]
            self._before = [(p, p.detach().clone(), g.clone()) for p, g in dense]

    def _after_update(self, *_: Any) -> None:
        if self.updates <= FIRST:
            slopes = [((p.detach() - old) * g).sum() for p, old, g in self._before]
            self.slopes.append(float(sum(slopes)))

    def _at_forward(self, model: nn.Module, _: Any) -> None:
        self.in_eval += torch.is_grad_enabled() and not model.training
