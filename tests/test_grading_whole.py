"""The whole way, for both assignments: files of all kinds in, marks out, as expected of each.

Set GRADING_TABLE to a path for the table that is printed.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import graded
import made_submissions
import pytest
from grading_runs import working_sandbox

from grading import batch
from grading.files import safe
from grading.marking import mark, run_here
from grading.package import Limits, Package, Question
from grading.submissions import collect

LIMITS = Limits(
    seconds=90, cell_seconds=2, call_seconds=2, memory=900 << 20, processes=24, disk=8 << 20
)


@cache
def points(package: Package, question: Question, code: str | None) -> float:
    """Points of one answer, found without a sandbox, with other inputs than the batch draws."""
    if code is None:
        return 0.0
    alone = replace(package, questions=(question,))
    return mark(alone, 0, run_here(alone, code)).points


def line(name: str, submission: str, expected: float, given: float, why: str) -> str:
    sign = "same" if expected == given else "DIFFERENT"
    return f"{name:14} {submission:20} {expected:6.2f} {given:6.2f} {sign:9} {why}"


@pytest.mark.parametrize("name", graded.NAMES)
def test_each_submission_gets_what_it_should(name, tmp_path) -> None:
    package = replace(graded.package(name), limits=LIMITS)
    made = {safe(m.name): m for m in made_submissions.make(package)}
    assert len(made) >= 30
    handed_in, private = tmp_path / "in", tmp_path / "private"
    handed_in.mkdir(), private.mkdir()
    for submission in made.values():
        (handed_in / f"{submission.name}.ipynb").write_bytes(submission.content)
    found = collect(handed_in, private)
    assert not found.problems

    results = batch.grade(
        package, found.submissions, tmp_path / "out", 2, working_sandbox(), lambda _: None
    )
    assert {result.student for result in results} == made.keys()
    lines, wrong = [], []
    for result in results:
        submission, verdict = made[result.student], result.verdict
        assert verdict is not None, f"{result.student}: {result.problem}"
        expected = {
            q.label: points(package, q, submission.codes[q.label]) for q in package.questions
        }
        given = {question.label: round(question.points, 2) for question in verdict.questions}
        kinds = {note.kind for note in verdict.notes}
        statuses = Counter(p.status for q in verdict.questions for p in q.parts)
        why = ", ".join(f"{count} {status}" for status, count in statuses.items())
        why += f"; notes: {', '.join(sorted(kinds)) or 'none'}; {verdict.seconds:.1f} s"
        lines.append(line(name, result.student, sum(expected.values()), verdict.points, why))
        if given != expected:
            wrong.append(f"{lines[-1]}\n  expected {expected}\n  given    {given}")
        if not submission.notes <= kinds:
            wrong.append(f"{lines[-1]}\n  no note of the kind {submission.notes - kinds}")
    table = "\n".join(lines)
    print(f"\n{table}")
    if "GRADING_TABLE" in os.environ:
        with Path(os.environ["GRADING_TABLE"]).open("a", encoding="utf8") as file:
            file.write(f"{table}\n")
    assert not wrong, "\n".join(wrong)
