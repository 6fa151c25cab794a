"""Undo what a call of the reader's functions changes, also in what they hold."""

from __future__ import annotations

import functools
import inspect
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from course_utils.unchanged import unchanged

DEPTH = 3  # a step holds a trainer, which holds a scheduler, which holds numbers


@contextmanager
def untouched(*things: object) -> Iterator[None]:
    """`unchanged` for things and for what functions among them hold.

    Held are: variables of enclosing functions, globals that the function names, its `self` and
    arguments bound by `partial`; in those, attributes of objects. Modules and optimizers come back
    as in `unchanged`; of other objects, such as schedulers, attributes; of lists, sets and
    dictionaries, their items; and variables hold again what they held.

    >>> losses = []
    >>> def log(loss):
    ...     losses.append(loss)
    >>> with untouched(log):
    ...     log(1.0)
    >>> losses
    []
    """
    found: dict[int, Any] = {}
    undo: list[Callable[[], None]] = []
    for thing in things:
        _collect(thing, found, undo, DEPTH)
    try:
        with unchanged(*found.values()):
            yield
    finally:
        for restore in undo:
            restore()


def _collect(thing: Any, found: dict[int, Any], undo: list[Callable[[], None]], depth: int) -> None:
    """Add a thing and what it holds to `found`, and how to bring it back to `undo`."""
    if id(thing) in found or thing is None or isinstance(thing, type | ModuleType | Tensor):
        return
    found[id(thing)] = thing
    if isinstance(thing, nn.Module | Optimizer) or depth == 0:
        return
    if isinstance(thing, list | dict | set):
        undo.append(_items(thing))
        for value in thing.values() if isinstance(thing, dict) else thing:
            _collect(value, found, undo, depth - 1)
    elif isinstance(thing, np.random.Generator):
        state = thing.bit_generator.state
        undo.append(functools.partial(setattr, thing.bit_generator, "state", state))
    elif isinstance(thing, random.Random):
        undo.append(functools.partial(thing.setstate, thing.getstate()))
    elif callable(thing) and (inner := _function(thing)) is not None:
        values = _variables(inner, undo)
        for value in (*values, *_bound(thing)):
            _collect(value, found, undo, depth - 1)
    elif hasattr(thing, "__dict__") and type(thing).__module__ != "builtins":
        undo.append(_items(thing.__dict__))
        for value in list(thing.__dict__.values()):
            _collect(value, found, undo, depth - 1)


def _function(thing: Any) -> Any:
    """The plain function behind a function, method or partial; None for other callables."""
    while isinstance(thing, functools.partial):
        thing = thing.func
    thing = getattr(thing, "__func__", thing)
    return thing if inspect.isfunction(thing) else None


def _bound(thing: Any) -> list[Any]:
    """`self` of a method, and the arguments of a partial."""
    if isinstance(thing, functools.partial):
        return [*_bound(thing.func), *thing.args, *thing.keywords.values()]
    owner = getattr(thing, "__self__", None)
    return [] if owner is None else [owner]


def _variables(function: Any, undo: list[Callable[[], None]]) -> list[Any]:
    """What the variables of a function hold that it does not make itself."""
    values = []
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:  # not yet assigned
            continue
        undo.append(functools.partial(setattr, cell, "cell_contents", content))
        values.append(content)
    names = function.__globals__
    for name in function.__code__.co_names:
        if name in names:
            undo.append(functools.partial(names.__setitem__, name, names[name]))
            values.append(names[name])
    return values


def _items(container: Any) -> Callable[[], None]:
    """Items of a list, set or dictionary back to what they were; the container stays."""
    before = container.copy()

    def restore() -> None:
        container.clear()
        (container.extend if isinstance(container, list) else container.update)(before)

    return restore
