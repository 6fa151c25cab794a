"""Exercises of a chapter: what stands between the gates of sphinx-exercise, and in tagged cells."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import jupytext

from book.gates import GATE, Gated, gated

CELLS = ("stub", "test", "solution")
CODE = re.compile(r"^(`{3,})\{code-cell\}.*?^\1[ ]*$\n?", re.M | re.S)


@dataclass
class Exercise:
    """One exercise as its chapter has it; cells are sources, "" where there is none."""

    label: str
    title: str
    chapter: Path
    line: int
    """First line of the statement in the chapter, from 0."""
    statement: str
    """MyST."""
    stub: str = ""
    test: str = ""
    solution: str = ""
    explanation: str = ""
    """Text of the solution, MyST."""

    @property
    def function(self) -> str:
        """Name of what the learner writes, as the cell of tests checks it; ValueError without."""
        for node in ast.walk(ast.parse(self.test)):
            match node:
                case ast.Call(func=ast.Name(id="check"), args=[ast.Name(id=name), *_]):
                    return name
        raise ValueError(f"{self.label} has no cell of tests that ends with `check(NAME, ...)`")


def read(path: Path) -> tuple[list[str], list[Exercise]]:
    """The cells that exercises build on (tag `context`), and the exercises of a chapter.

    ValueError names the file, and what is wrong with its gates and cells.
    """
    context, exercises = _read(path, path.read_text(encoding="utf8"))
    return [*context], [replace(exercise) for exercise in exercises]


@lru_cache  # an assignment takes many exercises from one chapter
def _read(path: Path, text: str) -> tuple[list[str], list[Exercise]]:
    exercises = _between_gates(path, text)
    try:
        return _add_cells(text, exercises), list(exercises.values())
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _between_gates(path: Path, text: str) -> dict[str, Exercise]:
    exercises: dict[str, Exercise] = {}
    for part in _parts(path, text):
        body = text[part.body]
        if part.what == "exercise":
            if part.label in exercises:
                raise ValueError(f"{path.name}: two exercises are called {part.label}")
            line = text.count("\n", 0, part.body.start)
            exercises[part.label] = Exercise(part.label, part.title, path, line, body)
        elif part.label in exercises:
            exercises[part.label].explanation = CODE.sub("", body).strip()
        else:
            what = f"a solution to {part.label} stands before or without the exercise"
            raise ValueError(f"{path.name}: {what}")
    return exercises


def _parts(path: Path, text: str) -> list[Gated]:
    try:
        return list(gated(text))
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _add_cells(text: str, exercises: dict[str, Exercise]) -> list[str]:
    """Give each exercise its cells, and return those of the context."""
    context: list[str] = []
    exercise, inside = None, False
    labels = iter(exercises)
    for cell in jupytext.reads(text, fmt="md:myst").cells:
        if cell.cell_type == "markdown":
            for gate in GATE.finditer(f"{cell.source}\n"):
                inside = (gate["what"], gate["end"]) == ("solution", "start")
                if (gate["what"], gate["end"]) == ("exercise", "start"):
                    exercise = exercises[next(labels)]
        tags = cell.metadata.get("tags", ())
        if "context" in tags:
            context.append(cell.source)
        for tag in {*CELLS} & {*tags}:
            _keep(exercise, tag, cell.source, inside)
    return context


def _keep(exercise: Exercise | None, tag: str, source: str, inside: bool) -> None:
    if exercise is None:
        raise ValueError(f"a {tag} cell stands before the first exercise")
    if getattr(exercise, tag):
        raise ValueError(f"{exercise.label} has two {tag} cells")
    if (tag == "solution") != inside:
        where = "stands outside of" if tag == "solution" else "stands inside"
        raise ValueError(f"{exercise.label}: its {tag} cell {where} the gates of the solution")
    setattr(exercise, tag, source)


def find(label: str, pages: Iterable[Path]) -> tuple[list[str], Exercise]:
    """The context and the exercise called `label`, of the first page that has it.

    ValueError names exercises that are called nearly so.
    """
    labels: list[str] = []
    for page in pages:
        here = [part.label for part in _parts(page, page.read_text(encoding="utf8"))]
        if label in here:
            context, exercises = read(page)
            return context, next(e for e in exercises if e.label == label)
        labels += here
    near = difflib.get_close_matches(label, {*labels}, 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {len({*labels})} others"
    raise ValueError(f"no exercise is called {label!r}; {hint}")
