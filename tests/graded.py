"""The shipped assignments for tests of the grader: packages, right and wrong answers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from right_answers import RIGHT

from grading import mistakes
from grading.assignments import load
from grading.package import Package

ROOT = Path(__file__).parents[1]
NAMES = ("optimizers", "regularization")
IMPORTS = """
import math
import numpy as np
import torch
from torch.nn import functional as F
"""


@cache
def package(name: str) -> Package:
    """A shipped assignment."""
    return load(name, ROOT).package()


@cache
def wrong(label: str) -> list[str]:
    """The wrong answers to an exercise."""
    paths = sorted(ROOT.glob("tests/wrong_answers/*.py"))
    return [code for _, code in mistakes.find(label, paths)]


def right(label: str) -> list[str]:
    """Right answers to an exercise that are not its solution."""
    return [IMPORTS + code for code in RIGHT[label]]
