"""What a batch leaves behind: grades.csv, the pages, the file for the LMS, and what to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading import batch, feedback, grades
from grading.package import Package
from grading.results import Result, Results
from grading.roster import Roster
from grading.submissions import Collection

NOT_YET = "not yet; run the same command without --student and --shard"


@dataclass
class Report:
    """Lines for the terminal, and who was not graded: students ("": unknown) with the reason."""

    lines: list[str] = field(default_factory=list)
    ungraded: list[tuple[str, str]] = field(default_factory=list)


def write(package: Package, found: Collection, out: Path, roster: Roster | None = None) -> Report:
    """Write everything anew from the verdicts that there are, whoever graded them."""
    results = Results(out)
    with results.lock():
        all_ = _gather(package, found, results)
        unknown = [problem.text for problem in found.problems if not problem.student]
        grades.write_grades(out / "grades.csv", package, all_)
        feedback.write_pages(results, package, all_, unknown)
        report = Report()
        graded = sum(result.verdict is not None for result in all_)
        report.lines.append(f"{graded} of {len(all_)} students graded: {out / 'grades.csv'}")
        report.lines.append(f"pages of all students: {out / 'index.html'}")
        if roster:
            report.lines += _fill(package, roster, out, all_)
    report.ungraded = [(result.student, result.problem) for result in all_ if not result.verdict]
    report.ungraded += [("", text) for text in unknown]
    return report


def _gather(package: Package, found: Collection, results: Results) -> list[Result]:
    gathered = [
        batch.find(package, submission, results)
        or Result(submission.student, None, NOT_YET, submission.note)
        for submission in found.submissions
    ]
    return gathered + [
        Result(problem.student, None, problem.text) for problem in found.problems if problem.student
    ]


def _fill(package: Package, roster: Roster, out: Path, all_: Sequence[Result]) -> list[str]:
    path = out / f"upload_{roster.path.stem}.csv"
    filled = grades.fill_roster(roster, path, package, all_)
    lines = [f"to upload: {path}", *filled.warnings]
    for title, names in (
        ("in the roster, without a submission", filled.unhanded),
        ("with a submission, not in the roster", filled.unlisted),
        ("excused or not assigned, left as they are", filled.kept),
    ):
        if names:
            lines.append(f"{len(names)} {title}: {'; '.join(names)}")
    return lines
