"""Bugs that no check was made for: written down before the checks were, measured after them."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from course_utils.zoo.bug import bug
from course_utils.zoo.model_bugs import Forward
from course_utils.zoo.on_digits import digits, digits_rnn
from course_utils.zoo.optimizers import Adam
from course_utils.zoo.script import Script, rows
from course_utils.zoo.scripts import imbalanced, regression


@bug("data")
def unsigned_pixels(script: Script) -> None:
    """128 was subtracted from pixels while they were unsigned bytes: 127 became 255."""
    raw = digits(script.seed, standardize=False)
    script.use(*[(((255 * x).byte() - 128).float() / 255, y) for x, y in raw])


@bug("data")
def rows_not_filled(script: Script) -> None:
    """Arrays of zeros for 400 examples, of which only 300 were read."""
    x, y = rows(script.train)
    x[300:], y[300:] = 0, 0


@bug("data")
def two_loaders(script: Script) -> None:
    """Inputs and labels come from two loaders, and each shuffles for itself."""
    script.train = [(x, y) for (x, _), (_, y) in zip(script.train, script.train, strict=True)]


@bug("data")
def columns_in_another_order(script: Script) -> None:
    """Columns of the files of val and test are sorted by name, those of train are not."""
    train, *rest = script.splits
    order = torch.tensor(sorted(range(64), key=str))
    script.use(train, *[(x[:, order], y) for x, y in rest])


@bug("data", base=regression)
def targets_not_scaled(script: Script) -> None:
    """Targets are in units of 1, around 150 with a deviation of 77, and inputs standardized."""
    script.use(*[(x, 77 * y + 150) for x, y in script.splits])


@bug("model", base=digits_rnn)
def first_state(script: Script) -> None:
    """Index 0 instead of -1: the GRU's output after the first row of the image."""
    model = script.model
    script.model = Forward(model, lambda body, x: body.output(body.gru(x)[0][:, 0]))


@bug("loss")
def kl_of_probabilities(script: Script) -> None:
    """kl_div of probabilities: it wants their logarithms."""
    script.loss_fn = lambda z, y: F.kl_div(z.softmax(1), F.one_hot(y, 10).float())


@bug("loss", base=imbalanced)
def weights_not_inverted(script: Script) -> None:
    """Classes are weighted by their frequency instead of its inverse."""
    script.loss_fn = nn.CrossEntropyLoss(weight=torch.tensor([1.8, 0.2]))


@bug("optimizer")
def betas_swapped(script: Script) -> None:
    """Adam with betas (0.999, 0.9): the order of its arguments was mixed up."""
    script.optimizer = Adam(script.model.parameters(), lr=3e-3, betas=(0.999, 0.9))


@bug("loop")
def zero_grad_after_backward(script: Script) -> None:
    """Gradients are set to zero between backward and step."""

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        loss = script.loss(model, batch)
        torch.autograd.backward(loss)
        optimizer.zero_grad()
        optimizer.step()
        return loss.detach()

    script.step = step


@bug("loop")
def normalized_in_place(script: Script) -> None:
    """Batches are kept in a list, and each epoch normalizes them again, in place."""
    script.train = list(script.train)

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        x, _ = batch
        x.sub_(0.5).div_(0.5)
        return script.usual_step(model, batch, optimizer)

    script.step = step


@bug("loop")
def scaled_in_the_loop_only(script: Script) -> None:
    """The loop standardizes its batches, and validation does not."""
    (x, _), *_ = raw = digits(script.seed, standardize=False)
    mean, std = x.mean(0), x.std(0) + 0.01
    script.use(*raw)

    def step(model: nn.Module, batch: Any, optimizer: Optimizer) -> Tensor:
        x, y = batch
        return script.usual_step(model, ((x - mean) / std, y), optimizer)

    script.step = step
