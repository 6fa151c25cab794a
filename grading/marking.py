"""From what a notebook answers to marks: fresh inputs, and the solution says what is right.

Nothing here runs code of a student: `run` asks the notebook behind a wall, and what comes back is
data to compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch

from grading.files import one_line
from grading.hidden import Case, Hidden, load
from grading.package import Package, Question
from grading.plain import decode, encode
from grading.records import Answer, Call, Part, QuestionMark, Status, Transcript, Verdict

Run = Callable[[Sequence[Call]], Transcript]
Drawn = list[tuple[Question, Hidden, Case]]


def draw(package: Package, seed: int) -> Drawn:
    """All cases of an assignment, the same for the same seed.

    Each question draws on its own, so that it gets the same inputs in another assignment.
    """
    drawn = []
    for question in package.questions:
        hidden = _load(question.label, question.hidden)
        digest = hashlib.sha256(f"{seed} {question.label}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        drawn += [(question, hidden, case) for case in hidden.cases(generator)]
    return drawn


def mark(package: Package, seed: int, run: Run, student: str = "", submission: str = "") -> Verdict:
    """Ask `run` for all answers and compare them with those of the solutions."""
    drawn = draw(package, seed)
    calls = [Call(question.function, hidden.code, case.inputs) for question, hidden, case in drawn]
    transcript = run(calls)
    parts: dict[str, dict[str, tuple[Status, str]]] = {q.label: {} for q in package.questions}
    for (question, hidden, case), call, answer in zip(
        drawn, calls, transcript.answers, strict=True
    ):
        outcomes = parts[question.label]
        if outcomes.setdefault(case.title, ("right", ""))[0] == "right":
            solution = _solutions(package)[question.label]
            outcomes[case.title] = _judge(hidden, case, solution, call, answer)
    return Verdict(
        student=student,
        questions=tuple(_question_mark(q, parts[q.label]) for q in package.questions),
        notes=transcript.notes,
        seed=seed,
        package=package.digest,
        submission=submission,
        seconds=transcript.seconds,
    )


def run_here(package: Package, code: str) -> Run:
    """A `run` for code that we trust, in this process: a solution, a stub, a wrong answer of ours.

    What the code itself raises, outside of calls, is raised.
    """
    namespace = _context(package)
    exec(compile(code, "<code>", "exec"), namespace)

    def run(calls: Sequence[Call]) -> Transcript:
        return Transcript(tuple(_answer(namespace.get(call.function), call) for call in calls))

    return run


def _answer(function: Any, call: Call) -> Answer:
    if function is None or function is ...:
        return Answer("not attempted")
    try:
        return Answer("answered", _value(function, call))
    except Exception as error:
        if isinstance(error, NotImplementedError) and not str(error):
            return Answer("not attempted")
        return Answer("raised", text=f"{type(error).__name__}: {error}")


def _value(function: Any, call: Call) -> Any:
    """What a call gives; inputs and result go through JSON's data, as they do for students."""
    inputs = {name: decode(encode(value)) for name, value in call.inputs.items()}
    with torch.random.fork_rng(devices=[]):
        return decode(encode(_compiled(call.code)(function, **inputs)))


def _judge(
    hidden: Hidden, case: Case, solution: Any, call: Call, answer: Answer
) -> tuple[Status, str]:
    if answer.status != "answered":
        return answer.status, one_line(answer.text)
    expected = _value(solution, call)
    try:
        wrong = hidden.judge(case.inputs, expected, answer.value)
    except Exception as error:  # the answer has a form that the judge did not foresee
        wrong = f"it has another form than it should ({type(error).__name__})"
    return ("wrong", one_line(wrong)) if wrong else ("right", "")


def _question_mark(question: Question, parts: dict[str, tuple[Status, str]]) -> QuestionMark:
    share = question.points / max(1, len(parts))
    return QuestionMark(
        question.label,
        question.title,
        tuple(
            Part(title, share if status == "right" else 0.0, share, status, message)
            for title, (status, message) in parts.items()
        ),
    )


@lru_cache(maxsize=256)
def _compiled(code: str) -> Any:
    """`call` on its own, as it is beside a student's function."""
    namespace: dict[str, Any] = {}
    exec(compile(code, "<call>", "exec"), namespace)
    return namespace["call"]


@lru_cache(maxsize=256)
def _load(label: str, source: str) -> Hidden:
    return load(label, source)


@lru_cache(maxsize=4)
def _solutions(package: Package) -> dict[str, Any]:
    """The function of each question, defined after the context; by label."""
    functions = {}
    context = _context(package)
    for question in package.questions:
        namespace = dict(context)
        exec(compile(question.solution, f"<solution of {question.label}>", "exec"), namespace)
        functions[question.label] = namespace[question.function]
    return functions


def _context(package: Package) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(package.context, "<context>", "exec"), namespace)
    return namespace
