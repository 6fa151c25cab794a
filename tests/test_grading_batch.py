"""The batch around the session: verdicts, resuming, shards, interruptions."""

from __future__ import annotations

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from graded_package import HALF_RIGHT, RIGHT, FakeRun, notebook, package

from grading import batch, report
from grading.records import Note
from grading.results import Results
from grading.submissions import Collection, Submission

STUDENTS = [f"s{number:02}" for number in range(12)]


class Class:
    """Twelve students; the first half of them is half right."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "out"
        self.package = package()
        self.run = FakeRun()
        self.lines: list[str] = []
        self.submissions = []
        for number, student in enumerate(STUDENTS):
            path = folder / f"{student}.ipynb"
            path.write_bytes(notebook(HALF_RIGHT if number < 6 else RIGHT))
            self.submissions.append(Submission(student, path, path.name))

    def grade(self, jobs: int = 3, **options):
        say = options.pop("progress", self.lines.append)
        results = batch.grade(
            self.package, self.submissions, self.out, jobs, None, say, run=self.run, **options
        )
        return {result.student: result for result in results}

    def csv(self) -> str:
        report.write(self.package, Collection(self.submissions), self.out)
        return (self.out / "grades.csv").read_text(encoding="utf-8-sig")


@pytest.fixture
def students(tmp_path):
    return Class(tmp_path)


def points(results):
    return {student: r.verdict.points if r.verdict else None for student, r in results.items()}


EXPECTED = {student: 15.0 if number < 6 else 20.0 for number, student in enumerate(STUDENTS)}


def test_everybody_is_graded_once_and_the_verdicts_are_files(students):
    assert points(students.grade()) == EXPECTED
    assert students.run.count == 12
    stored = json.loads((students.out / "verdicts" / "s03.json").read_text())
    assert stored["points"] == 15
    assert stored["questions"][0]["parts"][1]["status"] == "wrong"
    assert points(students.grade()) == EXPECTED
    assert students.run.count == 12
    assert "12 of 12 were graded before" in students.lines
    # Marks and the seed that inputs follow from are nobody else's.
    assert students.out.stat().st_mode & 0o777 == 0o700


def test_inputs_differ_between_students_and_follow_from_the_seed_of_the_batch(students):
    seeds = {student: r.verdict.seed for student, r in students.grade().items()}
    assert len(set(seeds.values())) == 12
    assert Results(students.out).seed("s03") == seeds["s03"]
    assert students.grade(only="s03")["s03"].verdict.seed == seeds["s03"]
    (students.out / "seed.txt").unlink()
    assert Results(students.out).seed("s03") != seeds["s03"]


def test_a_seed_is_drawn_once_whoever_comes_first(tmp_path):
    all_ = [Results(tmp_path) for _ in range(40)]
    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(lambda results: results.seed("a"), all_))) == 1
    assert [path.name for path in tmp_path.glob(".part*")] == []


def test_a_seed_that_cannot_be_read_is_not_drawn_anew(tmp_path):
    (tmp_path / "seed.txt").write_text("x")
    with pytest.raises(ValueError, match=r"seed\.txt"):
        Results(tmp_path).seed("a")


def test_only_what_changed_is_graded_again(students):
    students.grade()
    students.submissions[0].path.write_bytes(notebook(RIGHT))
    assert points(students.grade())["s00"] == 20
    assert students.run.count == 13
    students.package = replace(students.package, title="Other numbers")
    students.grade()
    assert students.run.count == 25


def test_one_student_is_graded_again_and_nobody_else(students):
    students.grade()
    assert list(students.grade(only="s07")) == ["s07"]
    assert students.run.count == 13


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"points": 20}', "\x00", '{"a":', "null"])
def test_a_damaged_verdict_is_made_anew(students, content):
    students.grade()
    (students.out / "verdicts" / "s05.json").write_text(content)
    assert points(students.grade()) == EXPECTED
    assert students.run.count == 13


@pytest.mark.parametrize("error", [RuntimeError("no sandbox\n\x1b[2J"), MemoryError(), KeyError(1)])
def test_an_error_of_ours_is_named_and_costs_one_submission_one_attempt(students, error):
    students.run.events[5] = error
    results = students.grade(jobs=1)
    assert results["s04"].verdict is None
    assert results["s04"].problem.startswith(type(error).__name__)
    assert results["s04"].problem.isprintable()
    assert {s: p for s, p in points(results).items() if s != "s04"} == {
        s: p for s, p in EXPECTED.items() if s != "s04"
    }
    assert "s04,,20,,,not graded: " in students.csv()
    assert points(students.grade()) == EXPECTED
    assert students.run.count == 13
    assert "not graded" not in students.csv()


def test_text_that_no_file_can_hold_does_not_lose_the_batch(students):
    students.run.notes = (Note("cell", "cell 1: \ud800 \x00 \x1b[2J"),)
    assert points(students.grade()) == EXPECTED
    assert "\x1b" not in students.csv()


def test_a_full_disk_does_not_lose_the_batch(students, monkeypatch):
    monkeypatch.setattr("grading.results.write", lambda *_: (_ for _ in ()).throw(OSError(28, "x")))
    assert set(points(students.grade()).values()) == {None}


def test_progress_says_who_how_many_and_how_long(students):
    students.run.notes = (Note("attempt", "opened /etc/passwd"),)
    students.grade(jobs=1)
    assert len(students.lines) == 12
    pattern = r"\[3/12\] s02: 15 of 20 points, 0\.1 s, see: attempt; about \d+ s left"
    assert re.fullmatch(pattern, students.lines[2])
    assert students.lines[-1] == "[12/12] s11: 20 of 20 points, 0.1 s, see: attempt"


def test_shards_part_the_students_and_share_a_folder(students):
    parts = [students.grade(shard=(index, 5)) for index in range(1, 6)]
    assert sorted(student for part in parts for student in part) == STUDENTS
    assert sum(len(part) > 0 for part in parts) > 1
    whole = Class(students.out.parent)
    whole.out = students.out.parent / "whole"
    whole.grade()
    assert students.csv() == whole.csv()


def test_shards_that_are_not_done_are_said_to_be_missing(students):
    students.grade(shard=(1, 2))
    missing = 12 - students.run.count
    assert 0 < missing < 12
    assert students.csv().count("not graded: not yet") == missing


def test_an_interruption_keeps_what_runs_and_what_is_done(students):
    def say(line: str) -> None:
        students.lines.append(line)
        if line.startswith("[4/12]"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        students.grade(jobs=2, progress=say)
    assert "stopping" in students.lines[-1]
    done = len(list((students.out / "verdicts").iterdir()))
    assert 4 <= done < 12
    assert points(students.grade()) == EXPECTED
    assert students.run.count == 12


def test_marks_do_not_depend_on_what_runs_beside_them(students):
    """Solutions may draw from PyTorch's generator, of which a process has but one."""
    noisy = """
def call(function, seed):
    import time, torch
    torch.manual_seed(seed)
    time.sleep(0.001)
    return function(0.0) + torch.rand(()).item()

def cases(generator):
    from grading.hidden import Case
    import torch
    yield Case("Drawn", {"seed": int(torch.randint(1000, (), generator=generator))})
"""
    questions = [replace(q, hidden=noisy) for q in students.package.questions]
    students.package = replace(students.package, questions=tuple(questions))
    students.run.__class__ = _LockedRun
    assert set(points(students.grade(jobs=8)).values()) == {20.0}


class _LockedRun(FakeRun):
    """Students' processes have generators of their own: here they take turns."""

    def __call__(self, *arguments):
        with batch._marking:
            return super().__call__(*arguments)


def test_points_of_a_verdict_survive_the_file(students):
    result = students.grade()["s01"]
    again = batch.find(students.package, students.submissions[1], Results(students.out))
    assert again == result
    assert math.isclose(again.verdict.points, 15)
