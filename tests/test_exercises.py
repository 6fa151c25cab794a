"""Solutions pass their public tests, stubs are "not attempted", wrong answers are caught."""

from __future__ import annotations

import ast
import importlib
import itertools
from pathlib import Path

import pytest
from graded import IMPORTS
from right_answers import RIGHT

from course_utils import checks
from grading.exercises import read

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(p for p in (ROOT / "chapters").glob("*.md") if "exercise-start" in p.read_text())


def cases():
    for chapter in CHAPTERS:
        for exercise in read(chapter)[1]:
            yield pytest.param(chapter, exercise, id=exercise.label)


@pytest.fixture
def run(monkeypatch):
    """Run cells of a chapter after its context and return the results of the last `check`."""

    def run_cells(chapter: Path, *cells: str) -> list[checks.Result]:
        results: list[list[checks.Result]] = []

        def recording_check(attempt, *tests):
            results.append(checks.run_tests(attempt, *tests))

        namespace: dict[str, object] = {"__name__": "__main__"}
        for cell in itertools.chain(read(chapter)[0], cells):
            exec(compile(cell, f"<{chapter.name}>", "exec"), namespace)
            if "check" in namespace:
                namespace["check"] = recording_check
        return results[-1]

    return run_cells


@pytest.mark.parametrize(("chapter", "exercise"), list(cases()))
def test_the_stub_is_not_attempted(run, chapter, exercise) -> None:
    results = run(chapter, exercise.stub, exercise.test)
    assert {result.status for result in results} == {"not attempted"}


@pytest.mark.parametrize(("chapter", "exercise"), list(cases()))
def test_the_solution_passes(run, chapter, exercise) -> None:
    results = run(chapter, exercise.stub, exercise.test, exercise.solution)
    assert [r for r in results if r.status != "right"] == []


@pytest.mark.parametrize(("chapter", "exercise"), list(cases()))
def test_stub_and_solution_have_one_signature(chapter, exercise) -> None:
    def signature(source: str) -> str:
        functions = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]
        return ast.unparse(next(f.args for f in functions if f.name == exercise.function))

    assert signature(exercise.stub) == signature(exercise.solution)


def wrong_answers():
    for chapter in CHAPTERS:
        module = importlib.import_module(f"wrong_answers.{chapter.stem}")
        labels = {exercise.label: exercise for exercise in read(chapter)[1]}
        for label, answers in module.WRONG.items():
            for number, answer in enumerate(answers):
                yield pytest.param(chapter, labels[label], answer, id=f"{label}-{number}")


@pytest.mark.parametrize(("chapter", "exercise", "answer"), list(wrong_answers()))
def test_a_wrong_answer_is_caught_with_a_hint(run, chapter, exercise, answer) -> None:
    check_again = exercise.solution.strip().splitlines()[-1]
    assert check_again.startswith("check(")
    results = run(chapter, exercise.stub, exercise.test, answer + "\n" + check_again)
    wrong = [result for result in results if result.status == "wrong"]
    assert wrong, "no test failed"
    assert all(result.hint for result in wrong)


# Right numbers as NumPy arrays, lists, generators ..., which the grader takes and a public test
# does not: learners see it there, and read in the stub what to return.
OTHER_FORMS = {
    "ex-drop-ridge-1", "ex-drop-ridge-2", "ex-lr-cosine-2", "ex-map-elastic-0", "ex-map-elastic-1",
    "ex-opt-adam-2", "ex-opt-heavy-ball-0", "ex-opt-nesterov-1",
}  # fmt: skip


def right_answers():
    for chapter in CHAPTERS:
        for exercise in read(chapter)[1]:
            for number, answer in enumerate(RIGHT.get(exercise.label, ())):
                name = f"{exercise.label}-{number}"
                form = name not in OTHER_FORMS
                yield pytest.param(chapter, exercise, answer, form, id=name)


@pytest.mark.parametrize(("chapter", "exercise", "answer", "form"), list(right_answers()))
def test_a_right_answer_of_another_style_passes(run, chapter, exercise, answer, form) -> None:
    check_again = exercise.solution.strip().splitlines()[-1]
    code = "\n".join([IMPORTS, answer, check_again])
    results = run(chapter, exercise.stub, exercise.test, code)
    assert ([r for r in results if r.status != "right"] == []) == form, results


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_every_exercise_has_two_wrong_answers(chapter) -> None:
    wrong = importlib.import_module(f"wrong_answers.{chapter.stem}").WRONG
    written = {e.label for e in read(chapter)[1] if e.stub}
    assert written == set(wrong)
    assert all(len(answers) >= 2 for answers in wrong.values())
