"""What a function holds that a call of it may change."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn
from torch.optim import Optimizer


def held_objects(function: Any) -> list[object]:
    """Modules and optimizers in the closure of a function, its `self`, and globals it names.

    >>> layer = nn.Linear(1, 1)
    >>> held_objects(lambda x: layer(x)) == [layer]
    True
    """
    found: list[object] = []
    owner = getattr(function, "__self__", None)
    values = [owner, *getattr(owner, "__dict__", {}).values()]
    function = inspect.unwrap(getattr(function, "__func__", function))
    if inspect.isfunction(function):
        names = inspect.getclosurevars(function)
        values += [*names.nonlocals.values(), *names.globals.values()]
    for value in values:
        if isinstance(value, nn.Module | Optimizer) or hasattr(value, "load_state_dict"):
            found.append(value)
    return found
