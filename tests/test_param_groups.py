"""`param_groups` against lists written by hand, for each kind of layer with a bias or scale."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import course_utils.nn as course_nn
from course_utils.models import mlp
from course_utils.optim import AdamW, param_groups


def names(model: nn.Module, **options: bool) -> tuple[list[str], list[str]]:
    """Names of the parameters of both groups, after a check that they are a partition."""
    decayed, others = param_groups(model, 0.1, **options)
    found = [id(p) for group in (decayed, others) for p in group["params"]]
    assert sorted(found) == sorted(id(p) for p in model.parameters())
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    by_id = {id(p): name for name, p in model.named_parameters()}
    first, second = ([by_id[id(p)] for p in g["params"]] for g in (decayed, others))
    return first, second


def test_weights_decay_and_biases_do_not() -> None:
    assert names(mlp(4, 3, 2)) == (["0.weight", "2.weight"], ["0.bias", "2.bias"])
    assert names(nn.Conv2d(3, 4, 5)) == (["weight"], ["bias"])
    assert names(nn.Linear(3, 2, bias=False)) == (["weight"], [])


NORMS = [
    nn.BatchNorm1d(4), nn.BatchNorm2d(4), nn.InstanceNorm2d(4, affine=True), nn.SyncBatchNorm(4),
    nn.LayerNorm(4), nn.LayerNorm((4, 4)), nn.GroupNorm(2, 4), nn.RMSNorm(4), nn.RMSNorm((4, 4)),
    course_nn.BatchNorm1d(4), course_nn.BatchNorm2d(4), course_nn.LayerNorm((4, 4)),
    course_nn.GroupNorm(2, 4), course_nn.InstanceNorm2d(4, affine=True), course_nn.RMSNorm((4, 4)),
]  # fmt: skip


@pytest.mark.parametrize("norm", NORMS, ids=str)
def test_no_parameter_of_a_norm_decays(norm: nn.Module) -> None:
    assert names(norm) == ([], [name for name, _ in norm.named_parameters()])
    assert len(list(norm.parameters())) >= 1


def test_biases_of_more_than_one_dimension_do_not_decay() -> None:
    decayed, others = names(nn.MultiheadAttention(4, 2, add_bias_kv=True))
    assert decayed == ["in_proj_weight", "out_proj.weight"]
    assert others == ["in_proj_bias", "bias_k", "bias_v", "out_proj.bias"]


def test_biases_of_recurrent_layers_do_not_decay() -> None:
    decayed, others = names(nn.LSTM(3, 4))
    assert decayed == ["weight_ih_l0", "weight_hh_l0"]
    assert others == ["bias_ih_l0", "bias_hh_l0"]


def test_scalars_and_scales_do_not_decay() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.temperature = nn.Parameter(torch.ones(()))
            self.unbiased = nn.Parameter(torch.ones(2, 2))  # no bias, though its name has one

    assert names(Scaled()) == (["unbiased"], ["temperature"])
    assert names(nn.PReLU(4)) == ([], ["weight"])


@pytest.mark.parametrize("table", [nn.Embedding(5, 4), nn.EmbeddingBag(5, 4)], ids=str)
def test_embeddings_decay_unless_asked_not_to(table: nn.Module) -> None:
    assert names(table) == (["weight"], [])
    assert names(table, decay_embeddings=True) == (["weight"], [])
    assert names(table, decay_embeddings=False) == ([], ["weight"])


def tied() -> nn.Module:
    model = nn.ModuleDict({"tokens": nn.Embedding(5, 4), "output": nn.Linear(4, 5, bias=False)})
    model["output"].weight = model["tokens"].weight
    return model


def test_a_tied_weight_is_there_once() -> None:
    assert names(tied()) == (["tokens.weight"], [])
    assert names(tied(), decay_embeddings=False) == ([], ["tokens.weight"])
    backwards = nn.ModuleDict({"output": (model := tied())["output"], "tokens": model["tokens"]})
    assert names(backwards, decay_embeddings=False) == ([], ["output.weight"])


def test_a_tensor_that_is_weight_here_and_bias_there_does_not_decay() -> None:
    module = nn.Module()
    module.weight = nn.Parameter(torch.ones(2, 2))
    module.bias = module.weight
    assert names(module) == ([], ["weight"])


def test_a_module_used_twice_is_there_once() -> None:
    layer = nn.Linear(3, 3)
    assert names(nn.Sequential(layer, nn.ReLU(), layer)) == (["0.weight"], ["0.bias"])


def test_frozen_parameters_keep_their_place() -> None:
    model = mlp(4, 3, 2)
    model[0].requires_grad_(False)
    assert names(model) == (["0.weight", "2.weight"], ["0.bias", "2.bias"])


@pytest.mark.parametrize("make", [AdamW, torch.optim.AdamW, torch.optim.SGD])
@pytest.mark.parametrize("layer", [nn.Linear(3, 2), nn.Linear(3, 2, bias=False), nn.LayerNorm(3)])
def test_optimizers_take_them(make: type[torch.optim.Optimizer], layer: nn.Module) -> None:
    model = copy.deepcopy(layer)
    optimizer = make(param_groups(model, weight_decay=0.5), lr=0.1)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for (name, before), after in zip(layer.named_parameters(), model.parameters(), strict=True):
        factor = 0.95 if isinstance(layer, nn.Linear) and name == "weight" else 1.0
        assert torch.allclose(after, factor * before)


@pytest.mark.parametrize("value", [-0.1, float("nan")])
def test_negative_decay_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="weight_decay must be non-negative, got"):
        param_groups(nn.Linear(2, 2), value)
