"""A model and its optimizer before and after, bit for bit."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def plain(value: Any) -> Any:
    """The content of nested dictionaries and lists; tensors as bytes, so that nan equals nan."""
    if isinstance(value, Tensor):
        return value.dtype, tuple(value.shape), value.detach().numpy().tobytes()
    if isinstance(value, dict):
        return [(plain(k), plain(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value if isinstance(value, int | float | str | bool) else id(value)


def everything(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """All that a look at a model and its optimizer must leave as it is."""
    numpy = np.random.get_state()
    return {
        "tensors": plain(model.state_dict()),
        "identity": [id(t) for t in (*model.parameters(), *model.buffers())],
        "grad": [(id(p.grad), plain(p.grad)) for p in model.parameters()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "training": [m.training for m in model.modules()],
        "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
        "rates": [getattr(m, "p", None) for m in model.modules()],
        "optimizer": plain(optimizer.state_dict()),
        "state": [(id(p), id(s), plain(s)) for p, s in optimizer.state.items()],
        "step": "step" in vars(optimizer),
        "groups": [(id(g), list(g)) for g in optimizer.param_groups],
        "rng": (random.getstate(), numpy[1].tobytes(), numpy[2:], plain(torch.get_rng_state())),
    }


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert [name for name in before if before[name] != after[name]] == []
