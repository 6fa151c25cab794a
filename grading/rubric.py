"""The rubric of an assignment: points, parts, and what typical mistakes cost. One page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grading.feedback import render
from grading.mistakes import Mistake
from grading.package import Package
from grading.records import QuestionMark

# A statement that begins a sentence or a point of a list with one of these wants more than code.
DERIVE = re.compile(r"(?:^|[.!?]\s+|^\s*(?:\d+\.|-)\s+)(?:Show|Derive|Prove|Explain)\b", re.M)


@dataclass(frozen=True)
class Row:
    """One exercise of the rubric."""

    mark: QuestionMark
    """Of the solution: all parts with their points."""
    solution: str
    mistakes: list[Mistake]
    derivation: bool
    """Whether the statement asks for what no machine marks."""

    def losing(self, part: str) -> str:
        """Numbers of the mistakes that lose a part."""
        numbers = [n for n, mistake in enumerate(self.mistakes, 1) if part in mistake.parts]
        return ", ".join(map(str, numbers)) or "none"


def asks_for_derivation(statement: str) -> bool:
    """Whether a statement asks to show or to derive something.

    >>> asks_for_derivation("Write it. Show that it is stable."), asks_for_derivation("Write it.")
    (True, False)
    """
    return DERIVE.search(statement) is not None


def rubric(package: Package, rows: list[Row]) -> str:
    """The page, whole in one file."""
    return render("rubric.html", package=package, rows=rows)
