"""Hidden tests of an exercise: inputs drawn anew, answers compared outside of the notebook.

A file `assignments/hidden/LABEL.py` defines

- `call(function, **inputs)`: runs beside the student's function and returns plain data. Only its
  source goes there, so it imports what it needs itself;
- `cases(generator)`: yields a `Case` for each call, with inputs drawn from a `torch.Generator`,
  for which there is `grading.drawing`. Cases with one title form a part of the exercise; parts
  share its points equally;
- `judge(inputs, expected, answer)`, where equality is not the question: returns "" if the answer
  is right, else what is wrong with it. `expected` is what `call` gives for the solution.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from grading.plain import difference


@dataclass(frozen=True)
class Case:
    """One call: the title of its part, a sentence as in a rubric, and its inputs."""

    title: str
    inputs: dict[str, Any]


@dataclass(frozen=True)
class Hidden:
    """The hidden tests of one exercise."""

    label: str
    call: Callable[..., Any]
    code: str
    """Source of `call`."""
    cases: Callable[[torch.Generator], Iterator[Case]]
    judge: Callable[[dict[str, Any], Any, Any], str]


def load(label: str, source: str) -> Hidden:
    """Read the source of a file of hidden tests; ValueError names what is missing in it."""
    name = f"<hidden tests of {label}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": f"hidden_{label}"}
    exec(compile(source, name, "exec"), namespace)
    missing = [part for part in ("call", "cases") if not callable(namespace.get(part))]
    if missing:
        raise ValueError(f"the hidden tests of {label} define no {' and no '.join(missing)}")
    code = inspect.getsource(namespace["call"])
    return Hidden(
        label, namespace["call"], code, namespace["cases"], namespace.get("judge", _judge)
    )


def _judge(inputs: dict[str, Any], expected: Any, answer: Any) -> str:
    return difference(expected, answer)
