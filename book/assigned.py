"""Assignments as their files say it: `assignments/NAME.yml`.

title: Optimizers
due: 2027-03-01 23:59
solutions: withheld  # `published` after the due date, then `make book`
exercises:
  - {exercise: ex-opt-sgd, points: 25}
limits: {seconds: 120}  # what one submission may use; may be left out
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import yaml

NEEDED = ("title", "due", "solutions", "exercises")
ALLOWED = {*NEEDED, "limits"}
SOLUTIONS = ("withheld", "published")


@dataclass(frozen=True)
class Sheet:
    """One assignment."""

    path: Path
    title: str
    due: datetime
    solutions: str
    """"withheld" or "published": whether the book has the solutions of the exercises."""
    points: dict[str, float]
    """By the label of the exercise, in order."""
    limits: dict[str, Any]

    @property
    def name(self) -> str:
        """What the assignment is called in commands and folders."""
        return self.path.stem


def read(path: Path) -> Sheet:
    """Read the file of an assignment; ValueError lists all that is wrong in it."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not YAML: {error}") from None
    if not isinstance(data, dict):
        raise ValueError(f"{path.name} must have the keys {', '.join(NEEDED)}")
    if problems := list(_problems(data)):
        raise ValueError("\n".join(f"{path.name}: {problem}" for problem in problems))
    points = {entry["exercise"]: float(entry["points"]) for entry in data["exercises"]}
    due = cast(datetime, _time(data["due"]))
    limits = data.get("limits") or {}
    return Sheet(path, data["title"].strip(), due, data["solutions"], points, limits)


def _problems(data: dict[Any, Any]) -> Iterator[str]:
    for key in [key for key in data if key not in ALLOWED]:
        yield f"unknown key {key!r}; allowed are {', '.join(sorted(ALLOWED))}"
    for key in [key for key in NEEDED if data.get(key) is None]:
        yield f"no {key}"
    title, due, solutions = (data.get(key) for key in NEEDED[:3])
    if title is not None and not (isinstance(title, str) and title.strip()):
        yield f"title must be a text, got {title!r}"
    if due is not None and _time(due) is None:
        yield f"due must be a date and a time such as 2027-03-01 23:59, got {str(due)!r}"
    if solutions is not None and solutions not in SOLUTIONS:
        yield f"solutions must be withheld or published, got {solutions!r}"
    if not isinstance(data.get("limits") or {}, dict):
        yield f"limits must be a mapping, got {data['limits']!r}"
    if data.get("exercises") is not None:
        yield from _wrong_exercises(data["exercises"])


def _wrong_exercises(entries: Any) -> Iterator[str]:
    if not isinstance(entries, list) or not entries:
        yield "exercises must be a list such as `- {exercise: ex-opt-sgd, points: 25}`"
        return
    labels = set()
    for number, entry in enumerate(entries, 1):
        label = entry.get("exercise") if isinstance(entry, dict) else None
        if not isinstance(label, str):
            yield f"entry {number} of exercises names no exercise: {entry!r}"
            continue
        if label in labels:
            yield f"{label} is listed twice"
        labels.add(label)
        for key in set(entry) - {"exercise", "points"}:
            yield f"{label}: unknown key {key!r}; allowed are exercise, points"
        if (points := entry.get("points")) is None:
            yield f"{label} has no points"
        elif type(points) not in (int, float) or not 0 < points < math.inf:
            yield f"{label}: points must be a positive number, got {points!r}"


def _time(value: Any) -> datetime | None:
    """YAML reads some dates itself, and leaves others to us."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value.strip()) <= 10:
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def paths(root: Path) -> list[Path]:
    """Files of the assignments of the project in `root`."""
    return sorted(p for p in (root / "assignments").glob("*") if p.suffix in (".yml", ".yaml"))


def withheld(root: Path) -> dict[str, str]:
    """Exercises of the project whose solutions may not be read, and the assignments' titles."""
    titles: dict[str, list[str]] = {}
    for path in paths(root):
        sheet = read(path)
        if sheet.solutions == "withheld":
            for label in sheet.points:
                titles.setdefault(label, []).append(sheet.title)
    return {label: " and ".join(names) for label, names in titles.items()}
