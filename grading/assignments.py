"""An assignment: exercises of the book or of a private folder, with their hidden tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import combinations
from pathlib import Path

from book.assigned import Sheet, paths, read
from grading import imports
from grading.exercises import CELLS, Exercise, find
from grading.imports import Statement
from grading.package import Limits, Package, Question

# Colab shows a cell that begins so as a closed form, with a button to run it.
TITLE = "#@title Tests: run this cell after yours"
PROJECT = {"exercises": "chapters", "hidden": "assignments/hidden"}
PROJECT |= {"wrong_answers": "tests/wrong_answers"}


@dataclass(frozen=True)
class Item:
    """One exercise of an assignment."""

    exercise: Exercise
    points: float
    needs: list[Statement]
    """What its cells take from the context of its chapter."""
    hidden: str
    """Source of the hidden tests."""

    @property
    def tests(self) -> str:
        """The cell of public tests as the student's notebook has it."""
        return f"{TITLE}\n{self.exercise.test}"

    def question(self) -> Question:
        """The exercise as the grader sees it."""
        exercise = self.exercise
        return Question(
            label=exercise.label,
            title=exercise.title,
            points=self.points,
            function=exercise.function,
            stub=exercise.stub,
            tests=self.tests,
            solution=without_checks(exercise.solution),
            hidden=self.hidden,
        )


@dataclass(frozen=True)
class Assignment:
    """A sheet, and what its exercises consist of."""

    sheet: Sheet
    items: tuple[Item, ...]

    @cached_property
    def context(self) -> str:
        """The cell of imports and helpers; ValueError if the exercises do not fit together."""
        return imports.join({item.exercise.label: item.needs for item in self.items})

    def package(self) -> Package:
        """What the grader needs; ValueError if the exercises do not fit together."""
        sheet = self.sheet
        questions = tuple(item.question() for item in self.items)
        due = sheet.due.isoformat(" ", "minutes")
        limits = Limits(**sheet.limits)
        return Package(sheet.name, sheet.title, due, self.context, questions, limits)


def load(name: str, root: Path) -> Assignment:
    """The assignment called `name` of the project in `root`, or that of a YAML file elsewhere.

    What lies beside that file is looked up before what the project has: `exercises/*.md`,
    `hidden/LABEL.py`. ValueError lists all that is wrong or missing.
    """
    sheet = read(_path(name, root))
    items: list[Item] = []
    problems = list(_wrong_limits(sheet))
    for label, points in sheet.points.items():
        try:
            items.append(_item(label, points, sheet, root))
        except ValueError as error:
            problems.append(str(error))
    problems += _clashes(items)
    assignment = Assignment(sheet, tuple(items))
    try:
        _ = assignment.context
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise ValueError("\n".join(f"{sheet.path.name}: {problem}" for problem in problems))
    return assignment


def lookup(sheet: Sheet, root: Path, kind: str, pattern: str) -> list[Path]:
    """Files of a kind, which is a key of PROJECT: private ones, then those of the project."""
    folders = [sheet.path.parent / kind, root / PROJECT[kind]]
    return [path for folder in folders for path in sorted(folder.glob(pattern))]


def without_checks(solution: str) -> str:
    """The code without calls of `check` at its top level: a grader has no public tests."""
    lines = solution.splitlines()
    for node in reversed(ast.parse(solution).body):
        match node:
            case ast.Expr(value=ast.Call(func=ast.Name(id="check"))):
                del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines).strip()


def _path(name: str, root: Path) -> Path:
    is_path = name.endswith((".yml", ".yaml"))
    path = Path(name) if is_path else root / "assignments" / f"{Path(name).name}.yml"
    if not path.is_file() or not (is_path or path.stem == name):
        there = ", ".join(path.stem for path in paths(root)) or "none"
        raise ValueError(f"there is no assignment {name!r}; there are: {there}")
    if not re.fullmatch(r"[\w-]+", path.stem):
        raise ValueError(f"the file of an assignment is named by letters, digits, - and _: {path}")
    return path


def _item(label: str, points: float, sheet: Sheet, root: Path) -> Item:
    context, exercise = find(label, lookup(sheet, root, "exercises", "*.md"))
    cells = {tag: getattr(exercise, tag) for tag in CELLS}
    if missing := [tag for tag, source in cells.items() if not source]:
        raise ValueError(f"{label} has no cell with the tag {' and none with '.join(missing)}")
    _ = exercise.function
    hidden = lookup(sheet, root, "hidden", f"{label}.py")
    if not hidden:
        raise ValueError(f"{label} has no hidden tests: write {PROJECT['hidden']}/{label}.py")
    needs = imports.needed(context, cells.values(), label)
    return Item(exercise, points, needs, hidden[0].read_text(encoding="utf8"))


def _clashes(items: list[Item]) -> Iterator[str]:
    """Names that one exercise binds and another one needs: they share a notebook."""
    for one, two in combinations(items, 2):
        names = (_needed(one) & _bound(two)) | (_needed(two) & _bound(one))
        if names:
            who = f"{one.exercise.label} and {two.exercise.label}"
            yield f"{who} cannot be in one notebook: both have {', '.join(sorted(names))}"


def _needed(item: Item) -> set[str]:
    names = {name for statement in item.needs for name in statement.binds}
    return names | {item.exercise.function}


def _bound(item: Item) -> set[str]:
    return imports.bound("\n".join(getattr(item.exercise, tag) for tag in CELLS))


def _wrong_limits(sheet: Sheet) -> Iterator[str]:
    kinds = {field.name: type(field.default) for field in fields(Limits)}
    for key, value in sheet.limits.items():
        if key not in kinds:
            yield f"unknown limit {key!r}; there are {', '.join(kinds)}"
        elif type(value) not in (int, kinds[key]) or value <= 0:
            kind = "a whole number" if kinds[key] is int else "a number"
            yield f"the limit {key} must be {kind} greater than 0, got {value!r}"
