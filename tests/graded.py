"""The shipped assignments for tests of the grader: packages, right and wrong answers."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

import yaml
from right_answers import RIGHT

from grading import exercises
from grading.package import Package, Question

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "chapters").glob("*.md"))
NAMES = ("optimizers", "regularization")
CONTEXT = """
import itertools, math
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR
from course_utils.checks import check
from course_utils.losses import expected_calibration_error
from course_utils.proximal import soft_threshold
"""


@cache
def package(name: str) -> Package:
    """A shipped assignment."""
    data = yaml.safe_load((ROOT / f"assignments/{name}.yml").read_text())
    questions = []
    for entry in data["exercises"]:
        label = entry["exercise"]
        _, e = exercises.find(label, PAGES)
        hidden = (ROOT / f"assignments/hidden/{label}.py").read_text()
        solution = e.solution.split("\ncheck(")[0]
        questions.append(
            Question(label, e.title, entry["points"], e.function, e.stub, e.test, solution, hidden)
        )
    return Package(name, data["title"], "", CONTEXT, tuple(questions))


@cache
def wrong(label: str) -> list[str]:
    """The wrong answers to an exercise."""
    chapter = exercises.find(label, PAGES)[1].chapter.stem
    answers: list[str] = importlib.import_module(f"wrong_answers.{chapter}").WRONG[label]
    return answers


def right(label: str) -> list[str]:
    """Right answers to an exercise that are not its solution."""
    return RIGHT[label]
