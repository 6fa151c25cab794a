"""Try something out on a model and its optimizer, and leave no trace of it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer


@contextmanager
def unchanged(*things: object) -> Iterator[None]:
    """Bring modules, optimizers and random states back to what they were, whatever happens inside.

    ``things``: modules, optimizers, and anything that holds a `torch.Generator`, such as a
    DataLoader; others are left alone. Tensors keep their identity and get their bits back.

    Restored are: parameters, their `grad` and `requires_grad`, buffers, training modes and other
    attributes of modules and optimizers, the optimizers' states and groups, and the random states
    of Python, NumPy, PyTorch and the generators. Not restored: objects changed in place inside an
    attribute, such as a list that a hook appends to.

    >>> layer = nn.Linear(2, 1)
    >>> before = layer.weight.clone()
    >>> with unchanged(layer):
    ...     _ = nn.init.zeros_(layer.weight)
    >>> torch.equal(layer.weight, before)
    True
    """
    modules = [m for thing in things if isinstance(thing, nn.Module) for m in thing.modules()]
    optimizers = [thing for thing in things if isinstance(thing, Optimizer)]
    tensors = [t for m in modules for t in (*m._parameters.values(), *m._buffers.values())]
    tensors += [p for o in optimizers for group in o.param_groups for p in group["params"]]
    undo: list[Callable[[], None]] = [_random_states()]
    try:
        undo += [_generator_state(generator) for generator in _generators([*things, *modules])]
        undo += [_attributes(module) for module in modules]
        undo += [_attributes(optimizer) for optimizer in optimizers]
        for tensor in {id(t): t for t in tensors if t is not None}.values():
            undo.append(_tensor(tensor))  # one by one: each is undone, should the next one fail
        for optimizer in optimizers:
            _work_on_a_copy(optimizer)
        yield
    finally:
        for restore in undo:
            restore()


def _tensor(tensor: Tensor) -> Callable[[], None]:
    value = tensor.detach().clone()
    grad, requires_grad = tensor.grad if tensor.is_leaf else None, tensor.requires_grad
    if tensor.is_leaf:
        tensor.grad = None  # new gradients are new tensors, so the old one stays as it is

    def restore() -> None:
        with torch.no_grad():
            tensor.copy_(value)
        if tensor.is_leaf:
            tensor.requires_grad_(requires_grad)
            tensor.grad = grad

    return restore


def _attributes(item: nn.Module | Optimizer) -> Callable[[], None]:
    """Names back to their objects; of the dictionaries among them, keys too (`_buffers`, ...)."""
    attributes = dict(item.__dict__)
    contents = [(d, dict(d)) for d in attributes.values() if isinstance(d, dict)]

    def restore() -> None:
        item.__dict__.clear()
        item.__dict__.update(attributes)
        for dictionary, entries in contents:
            dictionary.clear()
            dictionary.update(entries)

    return restore


def _work_on_a_copy(optimizer: Optimizer) -> None:
    """Give it copies of state and groups: a state may be of a type that no state_dict restores."""
    same = {id(p): p for group in optimizer.param_groups for p in group["params"]}
    optimizer.state = copy.deepcopy(optimizer.state, dict(same))
    optimizer.param_groups = copy.deepcopy(optimizer.param_groups, dict(same))


def _random_states() -> Callable[[], None]:
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []

    def restore() -> None:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)

    return restore


def _generators(things: Sequence[object]) -> list[torch.Generator]:
    """Generators that things, or the samplers and the dataset of a DataLoader, hold."""
    parts = ("dataset", "sampler", "batch_sampler")
    holders = [*things, *(getattr(thing, part, None) for thing in things for part in parts)]
    holders += [getattr(holder, "sampler", None) for holder in holders]
    found = [value for h in holders for value in getattr(h, "__dict__", {}).values()]
    return list({id(g): g for g in found if isinstance(g, torch.Generator)}.values())


def _generator_state(generator: torch.Generator) -> Callable[[], None]:
    state = generator.get_state()

    def restore() -> None:
        generator.set_state(state)

    return restore
