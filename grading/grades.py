"""Grades as a CSV: of all students, and of those in a file that Canvas or Moodle exported."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.files import one_line, write
from grading.package import Package
from grading.records import Verdict
from grading.results import Result
from grading.roster import Roster

BY_US = "Graded automatically."
"""Begins each comment of ours, so that the next run may replace it."""


@dataclass
class Filled:
    """What became of a roster; students as the LMS names them.

    path: what to upload. unhanded: in the roster, without a submission. unlisted: with a
    submission, not in the roster. kept: excused or not assigned, their cells were left alone.
    """

    path: Path
    unhanded: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def write_grades(path: Path, package: Package, results: Iterable[Result]) -> None:
    """Write `grades.csv`: student, points, maximum, points of each exercise, flags."""
    labels = [question.label for question in package.questions]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["student", "points", "maximum", *labels, "flags"])
    for result in sorted(results, key=lambda result: result.student):
        marks: list[str] = [""] * len(labels)
        if result.verdict:
            marks = [number(question.points) for question in result.verdict.questions]
        points = number(result.verdict.points) if result.verdict else ""
        cells = [result.student, points, number(package.points), *marks, flags(result)]
        table.writerow([harmless(cell) for cell in cells])
    # The mark lets spreadsheets read names that are not ASCII.
    write(path, text.getvalue().encode("utf-8-sig"))


def fill_roster(roster: Roster, path: Path, package: Package, results: Sequence[Result]) -> Filled:
    """Write a copy of a roster with the grades in it, to upload where it came from.

    Cells of students without a grade stay as they are. ValueError if `path` is the roster itself.
    """
    if path.resolve() == roster.path.resolve():
        raise ValueError(f"{path} would be overwritten with its own grades; name another roster")
    filled = Filled(path)
    if roster.maximum is not None and roster.maximum != package.points:
        filled.warnings.append(
            f"{roster.path} has {roster.maximum:g} points for it, the assignment has "
            f"{package.points:g}: points are written as they are"
        )
    verdicts = {result.student: result.verdict for result in results}
    for student, row in roster.students.items():
        verdict = verdicts.get(student)
        if student not in verdicts:
            filled.unhanded.append(roster.name(row))
        elif row[roster.grade].strip() in ("EX", "N/A"):
            filled.kept.append(roster.name(row))
        elif verdict:
            row[roster.grade] = number(verdict.points)
            if roster.comment is not None and _is_ours(row[roster.comment]):
                row[roster.comment] = comment(verdict)
    filled.unlisted = sorted(verdicts.keys() - roster.students.keys())
    roster.save(path)
    return filled


def comment(verdict: Verdict) -> str:
    """The marks on one line, for a cell that Moodle shows as HTML."""
    marks = [f"{q.title}: {number(q.points)} of {number(q.maximum)}" for q in verdict.questions]
    return html.escape(f"{BY_US} {'; '.join(marks)}.")


def flags(result: Result) -> str:
    """What a person should look at, on one line."""
    texts = [f"not graded: {result.problem}"] if result.problem else []
    texts += [result.note] if result.note else []
    if result.verdict:
        # A cell that raised is the least of them, and the most frequent.
        notes = sorted(result.verdict.notes, key=lambda note: note.kind == "cell")
        texts += [f"{note.kind}: {note.text}" for note in notes]
    return one_line("; ".join(texts), 1000)


def number(points: float) -> str:
    """Points with at most two decimals."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("12.5")
    ("'=1+1", '12.5')
    """
    return f"'{cell}" if cell.lstrip()[:1] in tuple("=+-@＝＋－＠") else cell


def _is_ours(cell: str) -> bool:
    return not cell.strip() or cell.startswith(BY_US)
