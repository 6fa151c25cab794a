"""Bugs of the loop: what happens in each step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import StepLR

from course_utils.zoo.bug import bug
from course_utils.zoo.on_digits import digits_batch_norm, digits_sgd
from course_utils.zoo.script import Script


@bug("loop", base=digits_sgd)
def no_zero_grad(script: Script) -> None:
    """optimizer.zero_grad() is missing: gradients of all steps add up."""

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        loss = script.loss(model, batch)
        torch.autograd.backward(loss)
        optimizer.step()
        return loss.detach()

    script.step = step


@bug("loop")
def no_step(script: Script) -> None:
    """optimizer.step() is missing."""

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = script.loss(model, batch)
        torch.autograd.backward(loss)
        return loss.detach()

    script.step = step


@bug("loop")
def detached_loss(script: Script) -> None:
    """A new tensor of the loss, to get rid of an error: it has no graph."""

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = torch.tensor(script.loss(model, batch).item(), requires_grad=True)
        torch.autograd.backward(loss)
        optimizer.step()
        return loss.detach()

    script.step = step


@bug("loop")
def graph_kept(script: Script) -> None:
    """The running sum of losses, not the loss, goes backward."""
    total = torch.zeros(())

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        nonlocal total
        optimizer.zero_grad()
        total = total + script.loss(model, batch)
        torch.autograd.backward(total)
        optimizer.step()
        return total.detach()

    script.step = step


@bug("loop", base=digits_sgd)
def clipped_to_nothing(script: Script) -> None:
    """Gradients are clipped to a norm of 1e-4."""

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = script.loss(model, batch)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1e-4)
        optimizer.step()
        return loss.detach()

    script.step = step


@bug("loop")
def scheduler_per_batch(script: Script) -> None:
    """The schedule counts epochs and is stepped in each batch: the rate is gone after ten."""
    scheduler = StepLR(script.optimizer, step_size=1, gamma=0.5)

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        loss = script.usual_step(model, batch, optimizer)
        scheduler.step()
        return loss

    script.step = step


@bug("loop")
def model_made_in_the_loop(script: Script) -> None:
    """What initializes the network stands in the loop: each step starts anew."""

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        model.apply(lambda layer: getattr(layer, "reset_parameters", lambda: None)())
        return script.usual_step(model, batch, optimizer)

    script.step = step


@bug("loop", base=digits_batch_norm)
def evaluation_mode(script: Script) -> None:
    """model.eval() for validation, and never model.train() again."""

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        model.eval()
        return script.usual_step(model, batch, optimizer)

    script.step = step


@bug("loop")
def first_batch_only(script: Script) -> None:
    """The one batch of the overfitting test stayed in the loop."""
    first = next(iter(script.train))

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        return script.usual_step(model, first, optimizer)

    script.step = step


@bug("loop")
def not_seeded(script: Script) -> None:
    """Initial weights come from NumPy without a seed: no run can be repeated."""
    generator = np.random.default_rng()
    with torch.no_grad():
        for weight in script.model.parameters():
            weight.copy_(torch.from_numpy(generator.normal(0, 0.1, weight.shape)))
