"""Running statistics measured again with dropout off, against means and variances by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import nn as ours

F64 = torch.float64


def normed(norm: type = nn.BatchNorm1d) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(5, 8), nn.Dropout(0.5), norm(8), nn.ReLU(),
        nn.Linear(8, 8), nn.Dropout(0.5), norm(8, momentum=0.3), nn.Linear(8, 2),
    ).double()  # fmt: skip


@pytest.mark.parametrize("norm", [nn.BatchNorm1d, ours.BatchNorm1d], ids=["torch", "ours"])
@pytest.mark.parametrize("training", [True, False])
def test_bn_reestimate_gives_the_statistics_of_evaluation(norm: type, training: bool) -> None:
    model, x = normed(norm).train(training), 1 + 2 * torch.randn(200, 5, dtype=F64)
    for _ in range(20):  # statistics of training, with dropout
        model.train()(x)
    model.train(training)
    ours.bn_reestimate(model, [x])
    assert [m.training for m in model.modules()] == [training] * 9
    assert (model[2].momentum, model[6].momentum) == (0.1, 0.3)
    h = F.linear(x, model[0].weight, model[0].bias)
    torch.testing.assert_close(model[2].running_mean, h.mean(0))
    torch.testing.assert_close(model[2].running_var, h.var(0))
    h = (h - h.mean(0)) / (h.var(0, correction=0) + 1e-5).sqrt()
    h = F.linear(h.relu(), model[4].weight, model[4].bias)
    torch.testing.assert_close(model[6].running_mean, h.mean(0))
    torch.testing.assert_close(model[6].running_var, h.var(0))


def test_bn_reestimate_averages_over_batches_and_needs_no_gradient() -> None:
    model, x = normed(), torch.randn(3, 50, 5, dtype=F64)
    recorded = []
    model[0].register_forward_hook(lambda *_: recorded.append(torch.is_grad_enabled()))
    ours.bn_reestimate(model, (part for part in x))  # an iterator will do
    h = F.linear(x, model[0].weight, model[0].bias).detach()
    torch.testing.assert_close(model[2].running_mean, h.mean(1).mean(0))
    torch.testing.assert_close(model[2].running_var, h.var(1).mean(0))
    assert model[2].num_batches_tracked == 3
    assert recorded == [False] * 3


def test_bn_reestimate_of_images_and_layers_without_statistics() -> None:
    torch.manual_seed(0)
    frozen = nn.BatchNorm2d(3, track_running_stats=False)
    model = nn.Sequential(nn.BatchNorm2d(3), frozen, nn.InstanceNorm2d(3))
    x = 4 + 3 * torch.randn(10, 3, 6, 6)
    ours.bn_reestimate(model, [x])
    torch.testing.assert_close(model[0].running_mean, x.mean((0, 2, 3)))
    torch.testing.assert_close(model[0].running_var, x.transpose(0, 1).flatten(1).var(1))
    assert frozen.momentum == 0.1


def test_bn_reestimate_restores_modes_when_the_model_fails() -> None:
    model = normed().train()
    with pytest.raises(RuntimeError):
        ours.bn_reestimate(model, [torch.randn(4, 6, dtype=F64)])
    assert all(m.training for m in model.modules())
    assert (model[2].momentum, model[6].momentum) == (0.1, 0.3)


def test_bn_reestimate_errors() -> None:
    model = normed()
    before = model[2].running_var.clone()
    with pytest.raises(TypeError, match=r"must be an iterable of batches, got a tensor"):
        ours.bn_reestimate(model, torch.randn(4, 5, dtype=F64))
    with pytest.raises(ValueError, match="at least one batch, got none"):
        ours.bn_reestimate(model, [])
    assert torch.equal(model[2].running_var, before)
    for without in (nn.Linear(5, 5), nn.BatchNorm1d(5, track_running_stats=False)):
        with pytest.raises(ValueError, match="must have a batch norm with running statistics"):
            ours.bn_reestimate(without, [torch.randn(4, 5)])
