"""The inputs with which PyTorch tests its own modules, good ones and bad ones.

Read in a process of its own: importing PyTorch's test helpers changes settings of a process.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import types
import unittest
from functools import cache
from typing import Any, NamedTuple

NAMES = (
    "Sigmoid", "Tanh", "ReLU", "LeakyReLU", "ELU", "Softplus", "GELU", "SiLU", "BatchNorm1d",
    "BatchNorm2d", "LayerNorm", "GroupNorm", "InstanceNorm2d", "RMSNorm",
)  # fmt: skip


class Case(NamedTuple):
    """Arguments of the constructor and of the call; of a bad case, the error and its words."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[Any, ...]
    error: type[Exception] | None = None
    words: str = ""


def cases_of_pytorch(name: str, bad: bool = False) -> list[Case]:
    """The good or the bad cases of a module, inputs in float64; there is one at least."""
    found = [case for case in _cases() if case.name == name and (case.error is not None) == bad]
    assert found, f"PyTorch has no case of {name}"
    return found


@cache
def _cases() -> list[Case]:
    command = [sys.executable, "-W", "ignore", __file__]
    found = subprocess.run(command, check=True, capture_output=True).stdout
    return [Case(*case) for case in pickle.loads(found)]


def main() -> None:
    # Needed for expected outputs only, which are not tested here, and not installed.
    sys.modules["expecttest"] = types.SimpleNamespace(TestCase=unittest.TestCase)  # type: ignore
    import torch
    from torch.testing._internal.common_modules import module_db

    found = []
    how = {"device": "cpu", "dtype": torch.float64, "requires_grad": False, "training": True}
    for info in module_db:
        name = info.module_cls.__name__
        if name not in NAMES or info.module_cls is not getattr(torch.nn, name, None):
            continue
        for case in info.module_inputs_func(info, **how):
            made, call = case.constructor_input, case.forward_input
            found.append((name, made.args, made.kwargs, call.args))
        for bad in (info.module_error_inputs_func or (lambda *_, **__: []))(info, **how):
            made, call = (
                bad.module_error_input.constructor_input,
                bad.module_error_input.forward_input,
            )
            inputs = call.args if call else ()
            found.append((name, made.args, made.kwargs, inputs, bad.error_type, bad.error_regex))
    sys.stdout.buffer.write(pickle.dumps(found))


if __name__ == "__main__":
    main()
