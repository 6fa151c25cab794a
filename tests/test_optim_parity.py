"""`course_utils.optim` equals `torch.optim`; a file of its own, to run beside the others."""

from __future__ import annotations

import copy

import optim_cases as cases
import pytest
import torch
from optim_cases import NAMES, TOLERANCE

RUNS = [(name, run) for name in NAMES for run in cases.runs(name)]


@pytest.mark.parametrize(("name", "run"), RUNS, ids=str)
def test_every_combination_of_arguments_equals_pytorch(name: str, run: cases.Run) -> None:
    gradients = copy.deepcopy(cases.gradients(run.sparse, run.device))
    count, worst, where = cases.parity(name, run)
    assert worst <= TOLERANCE, f"differs by {worst} with {where}"
    assert count >= 10
    for step, before in zip(cases.gradients(run.sparse, run.device), gradients, strict=True):
        pairs = zip(step, before, strict=True)
        assert all(torch.equal(x.to_dense(), y.to_dense()) for x, y in pairs), "gradient changed"
