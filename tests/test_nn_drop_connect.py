"""DropConnect: masks, moments and gradients in closed form, and the linear layer of PyTorch."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import nn as ours

F64 = torch.float64


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def within(found: Tensor | float, wanted: float, standard_error: float) -> None:
    assert abs(float(found) - wanted) < 4 * standard_error


def test_masks_of_dropconnect() -> None:
    """Zeros and W / (1 - p), one mask for each example, independent for each connection."""
    layer = ours.DropConnect(30, 20, p=0.3, dtype=F64)
    masks = layer.mask(torch.randn(400, 30, dtype=F64))
    assert masks.shape == (400, 20, 30)
    torch.testing.assert_close(masks.unique(), torch.tensor([0, 1 / 0.7], dtype=F64))
    within((masks == 0).double().mean(), 0.3, math.sqrt(0.3 * 0.7 / masks.numel()))
    for noise in (masks.flatten(1), masks.flatten(1).T):
        r = torch.corrcoef(noise[:300])
        r.fill_diagonal_(0)
        assert r.abs().max() < 6 / math.sqrt(noise.shape[1])


def test_moments_of_dropconnect_are_the_closed_form() -> None:
    layer = ours.DropConnect(8, 5, p=0.4, dtype=F64)
    x = torch.randn(8, dtype=F64)
    y = layer(x.expand(200_000, 8)).detach()
    mean, variance = layer.eval()(x), 0.4 / 0.6 * F.linear(x**2, layer.weight**2)
    error = (variance / len(y)).sqrt()
    assert ((y.mean(0) - mean).abs() < 4 * error).all()
    square = (y - mean) ** 2
    assert ((square.mean(0) - variance).abs() < 4 * square.std(0) / math.sqrt(len(y))).all()
    r = torch.corrcoef(y.T)
    assert (r - torch.eye(5)).abs().max() < 6 / math.sqrt(len(y)), "outputs are independent"


def test_gradients_of_dropconnect() -> None:
    """The dropped connections of an example get nothing from it; the bias is not dropped."""
    layer = ours.DropConnect(6, 4, p=0.5, dtype=F64)
    x, dy = torch.randn(3, 6, dtype=F64, requires_grad=True), torch.randn(3, 4, dtype=F64)
    masks = layer.mask(x)
    layer.mask = lambda _: masks
    found = torch.autograd.grad(layer(x), (x, layer.weight, layer.bias), dy)
    W = layer.weight.detach()
    torch.testing.assert_close(found[0], torch.einsum("no,noi->ni", dy, masks * W))
    torch.testing.assert_close(found[1], torch.einsum("no,noi,ni->oi", dy, masks, x.detach()))
    torch.testing.assert_close(found[2], dy.sum(0))


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_dropconnect_at_the_edges(p: float) -> None:
    layer = ours.DropConnect(6, 4, p=p, dtype=F64)
    x = torch.randn(3, 5, 6, dtype=F64)
    wanted = F.linear(x, layer.weight, layer.bias) if p == 0 else layer.bias.expand(3, 5, 4)
    torch.testing.assert_close(layer(x), wanted)
    no_bias = ours.DropConnect(6, 4, bias=False, p=p, dtype=F64)
    assert no_bias.bias is None
    assert no_bias(x).shape == (3, 5, 4)


def test_dropconnect_is_a_linear_layer_of_torch() -> None:
    layer, linear = ours.DropConnect(6, 4), nn.Linear(6, 4)
    layer.load_state_dict(linear.state_dict())
    x = torch.randn(3, 6)
    assert torch.equal(layer.eval()(x), linear(x))
