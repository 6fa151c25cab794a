"""Bugs of the model: layers, their initial values, and what forward does with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.models import mlp
from course_utils.zoo.bug import bug
from course_utils.zoo.on_digits import digits_attention, digits_batch_norm, digits_rnn
from course_utils.zoo.optimizers import Adam
from course_utils.zoo.script import Script
from course_utils.zoo.scripts import spiral


class Forward(nn.Module):
    """A network whose forward is the given function of its body and the inputs."""

    def __init__(self, body: nn.Module, function: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.body, self.function = body, function

    def forward(self, x: Tensor) -> Any:
        """What the function makes of body and inputs."""
        return self.function(self.body, x)


@bug("model")
def softmax_at_the_end(script: Script) -> None:
    """The network ends with a softmax, and cross-entropy applies another one."""
    script.model = nn.Sequential(script.model, nn.Softmax(dim=1))


@bug("model")
def relu_at_the_end(script: Script) -> None:
    """A ReLU after the last layer: logits cannot be negative."""
    script.model = nn.Sequential(script.model, nn.ReLU())


@bug("model", base=spiral)
def no_activation(script: Script) -> None:
    """Nothing between the linear layers: together they are one linear layer."""
    script.model = mlp(2, 32, 32, 3, activation=nn.Identity)
    script.optimizer = Adam(script.model.parameters(), lr=1e-2)


@bug("model")
def zero_weights(script: Script) -> None:
    """All weights start at zero, so that hidden units stay equal, here at zero."""
    for parameter in script.model.parameters():
        nn.init.zeros_(parameter)


@bug("model")
def normal_weights(script: Script) -> None:
    """nn.init.normal_ without a standard deviation draws weights of size 1."""
    for parameter in script.model.parameters():
        nn.init.normal_(parameter)


@bug("model")
def dead_units(script: Script) -> None:
    """The bias that starts a detector's output at p = 0.01, in all layers: no ReLU opens."""
    for layer in script.model[::2]:
        nn.init.constant_(layer.bias, -math.log((1 - 0.01) / 0.01))


@bug("model")
def reshaped_for_transposed(script: Script) -> None:
    """x.reshape where x.T was meant, or the other way round: rows get numbers of each other."""
    script.model = Forward(script.model, lambda body, x: body(x.T.reshape(x.shape)))


@bug("model", base=digits_rnn)
def batch_first_forgotten(script: Script) -> None:
    """nn.GRU without batch_first=True reads the batch as time."""
    script.model.gru.batch_first = False


@bug("model", base=digits_attention)
def softmax_over_the_batch(script: Script) -> None:
    """softmax over dimension 0 of [batch, query, key]: weights depend on the other examples."""
    script.model.softmax = nn.Softmax(dim=0)


@bug("model")
def dropout_keeps_a_tenth(script: Script) -> None:
    """Dropout(0.9), where 0.9 was meant as the probability to keep a unit."""
    first, second, last = script.model[:2], script.model[2:4], script.model[4:]
    script.model = nn.Sequential(*first, nn.Dropout(0.9), *second, nn.Dropout(0.9), *last)


@bug("model")
def dropout_in_evaluation(script: Script) -> None:
    """F.dropout without training=self.training drops in evaluation, too."""
    script.model = Forward(script.model, lambda body, x: body[2:](F.dropout(body[:2](x), 0.5)))


@bug("model", base=digits_batch_norm)
def batch_norm_lags(script: Script) -> None:
    """Batch norm with momentum 0.001: running means and variances stay near 0 and 1."""
    for layer in (script.model[1], script.model[5]):
        layer.momentum = 0.001


@bug("model")
def layers_in_a_list(script: Script) -> None:
    """Layers in a Python list are not registered: parameters() has only those of the last one."""
    *layers, last = script.model

    def forward(body: Any, x: Tensor) -> Any:
        for layer in layers:
            x = layer(x)
        return body(x)

    script.model = Forward(last, forward)
    script.optimizer = Adam(script.model.parameters(), lr=3e-3)


@bug("model")
def frozen_by_index(script: Script) -> None:
    """All but the last layer should be frozen: parameters()[:-1] leaves a bias, and no weight."""
    for parameter in list(script.model.parameters())[:-1]:
        parameter.requires_grad = False


@bug("model")
def features_without_gradient(script: Script) -> None:
    """torch.no_grad, copied from the evaluation, around all but the last layer."""

    def forward(body: Any, x: Tensor) -> Any:
        with torch.no_grad():
            x = body[:-1](x)
        return body[-1](x)

    script.model = Forward(script.model, forward)
