"""The arguments with which PyTorch tests its own optimizers, good ones and bad ones.

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


class Inputs(NamedTuple):
    """For one optimizer: options it takes, and (params, options, error, words of its message)."""

    good: list[dict[str, Any]]
    bad: list[tuple[Any, dict[str, Any], type[Exception], str]]


@cache
def inputs_of_pytorch() -> dict[str, Inputs]:
    """Name of an optimizer -> its inputs."""
    command = [sys.executable, "-W", "ignore", __file__]
    found = subprocess.run(command, check=True, capture_output=True).stdout
    return {name: Inputs(*inputs) for name, inputs in pickle.loads(found).items()}


def main() -> None:
    # Needed for expected outputs only, which are not tested here, and not installed.
    sys.modules["expecttest"] = types.SimpleNamespace(TestCase=unittest.TestCase)  # type: ignore
    import torch
    from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

    found = {}
    for info in optim_db:
        flags = [{}, *({flag: True} for flag in info.supported_impls)]
        good = [i.kwargs | flag for i in info.optim_inputs_func("cpu") for flag in flags]
        bad = []
        for case in info.optim_error_inputs_func("cpu", torch.float32):
            if case.error_on == OptimizerErrorEnum.CONSTRUCTION_ERROR:
                given = case.optimizer_error_input
                bad.append((given.params, given.kwargs, case.error_type, case.error_regex))
        found[info.optim_cls.__name__] = good, bad
    sys.stdout.buffer.write(pickle.dumps(found))


if __name__ == "__main__":
    main()
