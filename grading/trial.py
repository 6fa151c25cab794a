"""One exercise of an assignment, tried out: solution, stub, and typical mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from book.assigned import Sheet
from course_utils.checks import Result, run_tests
from grading import mistakes
from grading.assignments import PROJECT, Item, lookup, without_checks
from grading.marking import mark, run_here
from grading.mistakes import Mistake
from grading.package import Package, Question
from grading.records import QuestionMark
from grading.rubric import Row, asks_for_derivation

SEEDS = range(3)
"""For inputs of the solution, which must be right for all of them."""
LEAST = 2
"""Wrong answers that hidden tests must find."""


@dataclass(frozen=True)
class Trial:
    """What became of the cells of one exercise; ValueError names tests that cannot be run."""

    item: Item
    question: Question
    package: Package
    sheet: Sheet
    root: Path

    @cached_property
    def row(self) -> Row:
        """The exercise in the rubric."""
        derivation = asks_for_derivation(self.item.exercise.statement)
        return Row(self._solution[0], self.question.solution, self.mistakes, derivation)

    @cached_property
    def mistakes(self) -> list[Mistake]:
        """The wrong answers that are kept with the exercise, marked."""
        name = f"{self.item.exercise.chapter.stem}.py"
        paths = lookup(self.sheet, self.root, "wrong_answers", name)
        answers = mistakes.find(self.question.label, paths)
        return mistakes.tried(self.package, self.question, answers)

    @cached_property
    def problems(self) -> list[str]:
        """What is wrong with the exercise, one sentence each."""
        label = self.question.label
        found = [*self._wrong_marks(), *self._wrong_checks()]
        tried = len(self.mistakes)
        if self._caught < LEAST:
            found.append(
                f"the hidden tests find {self._caught} of {tried} wrong answers, and must find "
                f"{LEAST} or more"
            )
        if tried < LEAST:
            stem = self.item.exercise.chapter.stem
            found.append(f"write wrong answers into {PROJECT['wrong_answers']}/{stem}.py")
        return [f"{label}: {problem}" for problem in found]

    @property
    def summary(self) -> str:
        """One line for the terminal."""
        label, count = self.question.label, len(self._solution[0].parts)
        parts = f"{count} part" + ("" if count == 1 else "s")
        state = f"{len(self.problems)} problems" if self.problems else "ok"
        found = f"{self._caught} of {len(self.mistakes)} wrong answers found"
        return f"{label}: {state}; {parts}, {found}"

    @property
    def _caught(self) -> int:
        return sum(mistake.lost > 0 for mistake in self.mistakes)

    @cached_property
    def _solution(self) -> list[QuestionMark]:
        return [self._mark(self.question.solution, seed) for seed in SEEDS]

    def _mark(self, code: str, seed: int) -> QuestionMark:
        alone = replace(self.package, questions=(self.question,))
        try:
            (marked,) = mark(alone, seed, run_here(alone, code)).questions
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"{self.question.label}: its tests cannot be run: {what}") from error
        return marked

    def _wrong_marks(self) -> list[str]:
        failed = [
            f"the solution fails {part.title!r}: {part.message or part.status}"
            for marked in self._solution
            for part in marked.parts
            if part.status != "right"
        ]
        stub = self._mark(self.question.stub, SEEDS[0])
        failed += [f"the stub gets points for {part.title!r}" for part in stub.parts if part.points]
        return [*dict.fromkeys(failed)]

    def _wrong_checks(self) -> list[str]:
        """What is wrong with the public tests in the notebook."""
        exercise = self.item.exercise
        problems = []
        for what, cells, status in (
            ("stub", [exercise.stub], "not attempted"),
            ("solution", [exercise.stub, without_checks(exercise.solution)], "right"),
        ):
            results = self._run(*cells, exercise.test)
            for result in results or [Result("no test", "wrong", "")]:
                if result.status != status:
                    problems.append(
                        f"the public tests say of the {what}: {result.title}, {result.status}"
                    )
        return problems

    def _run(self, *cells: str) -> list[Result]:
        """Results of the last `check` in cells that run after the imports of the notebook."""
        results: list[Result] = []

        def record(attempt: Any, *tests: Callable[[Any], object]) -> None:
            results[:] = run_tests(attempt, *tests)

        namespace: dict[str, Any] = {"__name__": "__main__"}
        for cell in (self.package.context, *cells):
            exec(compile(cell, f"<{self.question.label}>", "exec"), namespace)
            namespace["check"] = record
        return results
