"""Whether networks are alike in everything but the values of their parameters and buffers."""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any
from weakref import ref

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

# Pairs of ids already compared, with the objects, so that no id is used again meanwhile.
Seen = dict[tuple[int, int], tuple[object, object]]

MISSING = "missing"


def check_structure(models: Sequence[nn.Module]) -> None:
    """Raise ValueError unless the models differ in nothing but the values of their tensors."""
    if not models:
        raise ValueError("models must hold at least one module, got an empty list")
    first = describe(models[0])
    for i, model in enumerate(models):
        other = describe(model)
        check_gradient_hooks(model, i)
        # What a module says of its own parts is alike when it says it of the same part.
        seen = {
            (id(a), id(b)): (a, b) for a, b in zip(parts(models[0]), parts(model), strict=False)
        }
        for key in first | other:
            a, b = first.get(key, MISSING), other.get(key, MISSING)
            if not alike(a, b, seen):
                raise ValueError(
                    "models must be alike in everything but the values of their parameters and "
                    f"buffers: {key} is {text(a)} in models[0], "
                    f"{'another ' * (text(a) == text(b))}{text(b)} in models[{i}]; "
                    "train models of different structure in separate calls"
                )
    tensors = [id(p) for model in models for p in (*model.parameters(), *model.buffers())]
    if len(set(tensors)) < len(tensors) or len({id(model) for model in models}) < len(models):
        raise ValueError("models must share no parameter or buffer: build each one anew")


def check_gradient_hooks(model: nn.Module, index: int) -> None:
    """Raise ValueError for a hook on gradients: a stack has no gradients of single members."""
    kinds = ("_backward_hooks", "_backward_pre_hooks", "_post_accumulate_grad_hooks")
    for name, part in (*model.named_modules(), *model.named_parameters()):
        if any(getattr(part, kind, None) for kind in kinds):
            raise ValueError(
                "models must have no gradient hooks, which would not be called, "
                f"got one at {name or 'the module'} of models[{index}]"
            )


def describe(model: nn.Module) -> dict[str, Any]:
    """Return what one network must have in common with another to be stacked with it."""
    found: dict[str, Any] = {}
    internal = vars(nn.Module()).keys()
    for name, module in model.named_modules():
        path = name or "the module"
        found[f"the type of {path}"] = type_before_parametrizations(module)
        found |= {f"{path}.{k}": v for k, v in vars(module).items() if k not in internal}
        for hooks in ("_forward_pre_hooks", "_forward_hooks"):
            found[f"{path}.{hooks}"] = list(getattr(module, hooks).values())
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        layout = (tuple(tensor.shape), tensor.dtype, str(tensor.device), tensor.requires_grad)
        found[f"(shape, dtype, device, requires_grad) of {name}"] = layout
    return found


def parts(model: nn.Module) -> Iterable[object]:
    """Return all modules, parameters and buffers of a network, in order."""
    return (*model.modules(), *model.parameters(), *model.buffers())


def alike(a: Any, b: Any, seen: Seen) -> bool:
    """Return whether two attributes make a module do the same.

    When in doubt they do not: a network wrongly refused is seen, one wrongly trained is not.
    """
    if a is b or (id(a), id(b)) in seen:
        return True
    if isinstance(a, int | float | str) and isinstance(b, int | float | str):
        return a == b
    if type(a) is not type(b) or isinstance(a, type | np.ufunc):
        return False
    seen[id(a), id(b)] = a, b  # an object that contains itself is not entered again
    if isinstance(a, Tensor):  # not registered, so not stacked: its values are the same for all
        return same_tensor(a, b)
    if isinstance(a, np.ndarray | np.generic):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key], seen) for key in a)
    inside, other = contents(a), contents(b)
    if inside is None or other is None:
        return bool(a == b)
    pairs = zip(inside, other, strict=False)
    return len(inside) == len(other) and all(alike(x, y, seen) for x, y in pairs)


def contents(value: Any) -> Sequence[object] | None:
    """Return the objects that decide what a value does, or None for one that is a whole."""
    if isinstance(value, list | tuple | deque):
        return tuple(value)
    if isinstance(value, FunctionType):
        closure = value.__closure__ or ()
        return value.__code__, value.__defaults__, value.__kwdefaults__, *closure
    if isinstance(value, CellType):
        return (value.cell_contents,)
    if isinstance(value, MethodType):
        return value.__func__, value.__self__
    if isinstance(value, partial):
        return value.func, value.args, value.keywords
    if isinstance(value, ref):
        return (value(),)
    return (vars(value),) if hasattr(value, "__dict__") else None


def same_tensor(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors have one layout and the same values, NaN being equal to NaN."""
    if (a.shape, a.dtype, a.device) != (b.shape, b.dtype, b.device):
        return False
    return bool(torch.isclose(a, b, rtol=0, atol=0, equal_nan=True).all())


def text(value: object) -> str:
    """Return a short text that shows a value in a message."""
    return value.__name__ if isinstance(value, type) else reprlib.repr(value)
