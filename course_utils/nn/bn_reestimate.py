"""Running statistics of batch norm as evaluation needs them: with all noise off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from course_utils.nn.batch_norm import BatchNorm


@torch.no_grad()
def bn_reestimate(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Measure the running mean and variance of every batch norm again, with dropout off.

    Dropout makes the inputs of a later batch norm more spread out in training than in evaluation,
    and the running statistics are those of training. Here the batch norms see ``batches`` (inputs
    of the model) as in training and all other layers as in evaluation; each running statistic
    becomes the mean over the batches. One batch of all training examples is exact; smaller ones
    leave out the variance between batches. Modes and momenta are as before afterwards.

    ValueError if no batch norm keeps running statistics, or there is no batch; TypeError for a
    tensor in the place of batches. Source: Hendrycks and Gimpel 2016.

    >>> model = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(1)).eval()
    >>> bn_reestimate(model, [torch.tensor([[1.0], [3.0]])])
    >>> model[1].running_mean, model[1].running_var
    (tensor([2.]), tensor([2.]))
    """
    if isinstance(batches, Tensor):
        raise TypeError("batches must be an iterable of batches, got a tensor: use [inputs]")
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm | BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        raise ValueError("model must have a batch norm with running statistics, got none")
    batches = list(batches)
    if not batches:
        raise ValueError("batches must hold at least one batch, got none")
    with _only_training(norms, model):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean of all batches
        for x in batches:
            model(x)


@contextmanager
def _only_training(norms: list[_BatchNorm | BatchNorm], model: nn.Module) -> Iterator[None]:
    """Put the norms into training mode and all else into evaluation mode, for a while."""
    modes = {module: module.training for module in model.modules()}
    momenta = {norm: norm.momentum for norm in norms}
    try:
        model.eval()
        for norm in norms:
            norm.train()
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for norm, momentum in momenta.items():
            norm.momentum = momentum
