"""Which parameters weight decay shall shrink, and which it shall leave alone."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from course_utils.nn.norm import Norm

NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, Norm)
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


def param_groups(
    model: nn.Module, weight_decay: float, *, decay_embeddings: bool = True
) -> list[dict[str, Any]]:
    """Two groups for an optimizer: the parameters that decay, and those that do not.

    Not decayed are biases, all parameters of normalization layers, those of fewer than two
    dimensions (scales of any kind), and with ``decay_embeddings=False`` tables of embeddings.
    Each parameter of the model is in exactly one group and there once, in the order of
    ``model.parameters()``, frozen ones too. A parameter shared by several modules is not decayed if
    one of them asks for that. ``weight_decay`` is that of the first group, 0 that of the second.
    ValueError for a negative weight_decay.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))
    >>> decayed, others = param_groups(model, weight_decay=0.1)
    >>> [tuple(p.shape) for p in decayed["params"]], decayed["weight_decay"]
    ([(3, 2), (1, 3)], 0.1)
    >>> [tuple(p.shape) for p in others["params"]], others["weight_decay"]
    ([(3,), (3,), (3,), (1,)], 0.0)
    """
    if not weight_decay >= 0:
        raise ValueError(f"weight_decay must be non-negative, got {weight_decay}")
    spared = NORMS if decay_embeddings else (*NORMS, *EMBEDDINGS)
    kept = {
        id(parameter)
        for module in model.modules()
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False)
        if isinstance(module, spared) or parameter.ndim < 2 or is_bias(name)
    }
    parameters = list(model.parameters())  # a shared one comes once
    return [
        {"params": [p for p in parameters if id(p) not in kept], "weight_decay": weight_decay},
        {"params": [p for p in parameters if id(p) in kept], "weight_decay": 0.0},
    ]


def is_bias(name: str) -> bool:
    """Whether a parameter of that name in its module is a bias.

    >>> [is_bias(name) for name in ("bias", "in_proj_bias", "bias_hh_l0", "weight")]
    [True, True, True, False]
    """
    return "bias" in name.split("_")
