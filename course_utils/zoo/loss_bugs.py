"""Bugs of the loss and of the optimizer."""

from __future__ import annotations

import torch.nn.functional as F
from torch import nn
from torch.optim import SGD

from course_utils.models import mlp
from course_utils.zoo.bug import bug
from course_utils.zoo.on_digits import digits_sgd
from course_utils.zoo.optimizers import Adam
from course_utils.zoo.script import Script
from course_utils.zoo.scripts import regression, zero_or_not


@bug("loss")
def sign_forgotten(script: Script) -> None:
    """The mean of log p instead of its negative."""
    script.loss_fn = lambda logits, y: logits.log_softmax(1).gather(1, y[:, None]).mean()


@bug("loss")
def nll_of_logits(script: Script) -> None:
    """nll_loss of logits: it wants the logarithm of probabilities."""
    script.loss_fn = F.nll_loss


@bug("loss", base=digits_sgd)
def sum_for_mean(script: Script) -> None:
    """reduction="sum" with the learning rate of the mean: steps are 50 times as long."""
    script.loss_fn = nn.CrossEntropyLoss(reduction="sum")


@bug("loss", base=regression)
def broadcast_targets(script: Script) -> None:
    """Outputs [N, 1] against targets [N]: mse_loss compares all pairs."""
    script.model = script.model[0]


@bug("loss", base=zero_or_not)
def sigmoid_twice(script: Script) -> None:
    """The network ends with a sigmoid, and the loss with logits applies another one."""
    script.model = nn.Sequential(script.model, nn.Sigmoid())


@bug("loss")
def argmax_in_loss(script: Script) -> None:
    """The loss compares classes; requires_grad_() only silences the error."""
    script.loss_fn = lambda z, y: F.mse_loss(z.argmax(1).float(), y.float()).requires_grad_()


@bug("optimizer")
def optimizer_of_another_model(script: Script) -> None:
    """The cell of the model was run again after that of the optimizer."""
    script.model = mlp(64, 32, 32, 10)


@bug("optimizer")
def head_replaced(script: Script) -> None:
    """The last layer was replaced after the optimizer had been made."""
    script.model[-1] = nn.Linear(32, 10)


@bug("optimizer")
def learning_rate_tiny(script: Script) -> None:
    """A learning rate of 1e-7."""
    script.optimizer = Adam(script.model.parameters(), lr=1e-7)


@bug("optimizer")
def learning_rate_huge(script: Script) -> None:
    """A learning rate of 1 with Adam."""
    script.optimizer = Adam(script.model.parameters(), lr=1.0)


@bug("optimizer")
def weight_decay_huge(script: Script) -> None:
    """weight_decay=0.1, from a recipe for AdamW, with Adam, where it is no decay but L2."""
    script.optimizer = Adam(script.model.parameters(), lr=3e-3, weight_decay=0.1)


@bug("optimizer", base=digits_sgd)
def momentum_huge(script: Script) -> None:
    """Momentum 0.999, which is Adam's second beta: effective steps are 1000 times as long."""
    script.optimizer = SGD(script.model.parameters(), lr=0.05, momentum=0.999)
