"""Marks: right answers of any style get all points, wrong ones the same mark with every seed."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import graded
import pytest
import torch
from near_misses import NEAR
from test_grading_plain import BOMBS

from grading.marking import draw, mark, run_here
from grading.package import Package, Question
from grading.plain import decode
from grading.records import Answer, Note, Transcript, Verdict

SEEDS = range(int(os.environ.get("GRADING_SEEDS", "3")))
QUESTIONS = [
    pytest.param(replace(graded.package(name), questions=(question,)), id=question.label)
    for name in graded.NAMES
    for question in graded.package(name).questions
]
each_question = pytest.mark.parametrize("package", QUESTIONS)


def marks(package: Package, code: str) -> list[Verdict]:
    run = run_here(package, code)
    return [mark(package, seed, run) for seed in SEEDS]


def lost(verdict: Verdict) -> tuple[str, ...]:
    """Titles of the parts that gave no points."""
    return tuple(p.title for q in verdict.questions for p in q.parts if p.points != p.maximum)


@pytest.mark.parametrize("name", graded.NAMES)
def test_solutions_get_all_points_and_stubs_none(name) -> None:
    package = graded.package(name)
    for verdict in marks(package, "\n".join(q.solution for q in package.questions)):
        assert (verdict.points, verdict.maximum, lost(verdict)) == (100, 100, ())
    for verdict in marks(package, "\n".join(q.stub for q in package.questions)):
        assert verdict.points == 0
        statuses = {part.status for q in verdict.questions for part in q.parts}
        assert statuses == {"not attempted"}


@each_question
def test_right_answers_of_other_styles_get_all_points(package) -> None:
    label = package.questions[0].label
    assert len(graded.right(label)) >= 2
    for number, code in enumerate(graded.right(label)):
        for verdict in marks(package, code):
            wrong = [part for part in verdict.questions[0].parts if part.status != "right"]
            assert not wrong, f"answer {number}, seed {verdict.seed}"


@each_question
def test_wrong_answers_lose_the_same_points_with_every_seed(package) -> None:
    label = package.questions[0].label
    found: set[str] = set()
    for number, code in enumerate(graded.wrong(label)):
        parts = {lost(verdict) for verdict in marks(package, code)}
        assert len(parts) == 1, f"answer {number}: the mark depends on the seed"
        assert parts != {()}, f"answer {number} is not caught"
        found.update(*parts)
    for number, (count, code) in enumerate(NEAR.get(label, [])):
        parts = {lost(verdict) for verdict in marks(package, code)}
        assert {len(titles) for titles in parts} == {count}, f"near miss {number}"
        found.update(*parts)
    titles = {case.title for _, _, case in draw(package, 0)}
    assert found == titles, "a part that no wrong answer loses tests nothing"


TRIVIAL = {
    "nothing": "def {name}(*args, **kwargs):\n    return None",
    "its first argument": "def {name}(*args, **kwargs):\n    return args[0] if args else 0",
    "zero": "def {name}(*args, **kwargs):\n    return 0.0",
    "a pair of its arguments": "def {name}(*args, **kwargs):\n    return args[0], args[2]",
    "zeros": "def {name}(x, *args, **kwargs):\n    return 0 * x",
    "a path": "def {name}(x, *args, **kwargs):\n    return [0.0] * (len(x) + 1)",
    "identities": "def {name}():\n    return lambda x, p, t: (x, 0 * x + 1), lambda dy, noise: dy",
}


@each_question
def test_answers_without_thought_get_nothing(package) -> None:
    for what, code in TRIVIAL.items():
        code = code.format(name=package.questions[0].function)
        assert mark(package, 0, run_here(package, code)).points == 0, what


HOSTILE = [
    None,
    True,
    float("nan"),
    float("inf"),
    "right",
    [],
    {},
    [[]],
    {"y": None, "dx": None},
    {"y": [], "dropped": "all", "noise": {}, "weights": {"a": 1}},
    torch.zeros(0),
    torch.zeros(0, 2**40),
    torch.full((80, 80), float("nan")),
    *[decode(sent) for sent in BOMBS.values()],
]


@each_question
def test_no_answer_of_a_hostile_process_stops_the_grader(package) -> None:
    for answer in HOSTILE:
        for value in (answer, {"dropped": answer}, {"y": answer, "dx": answer, "noise": answer}):
            said = Answer("answered", value)
            verdict = mark(package, 1, lambda calls, said=said: Transcript((said,) * len(calls)))
            assert verdict.points == 0
            assert {part.status for part in verdict.questions[0].parts} == {"wrong"}


@each_question
def test_calls_of_one_submission_are_cheap_to_send(package) -> None:
    from grading.plain import encode

    question = package.questions[0]
    sizes = [len(json.dumps(encode(case.inputs))) for _, _, case in draw(package, 0)]
    assert sum(sizes) < 1e6, question.label


HIDDEN = """
from grading.drawing import Draw
from grading.hidden import Case

def call(function, x):
    return function(x)

def cases(generator):
    draw = Draw(generator)
    yield Case("small", {"x": draw.uniform(0, 1)})
    yield Case("large", {"x": draw.uniform(100, 200)})
    yield Case("small", {"x": draw.normal(3)})
    yield Case("negative", {"x": draw.uniform(-2, -1)})
"""


def twice(points: float = 10.0, label: str = "ex-twice", hidden: str = HIDDEN) -> Package:
    solution = "def twice(x):\n    return FACTOR * x"
    stub = "def twice(x):\n    raise NotImplementedError"
    question = Question(label, "Twice", points, "twice", stub, "", solution, hidden)
    return Package("small", "Small", "", "FACTOR = 2", (question,))


def parts(code: str, package: Package | None = None) -> dict[str, tuple[str, float, str]]:
    verdict = mark(package or twice(), 5, run_here(package or twice(), code))
    return {p.title: (p.status, round(p.points, 4), p.message) for p in verdict.questions[0].parts}


def test_parts_share_the_points_and_a_part_needs_all_its_cases() -> None:
    found = parts("def twice(x):\n    return 3 * x if torch.is_tensor(x) else 2 * x\nimport torch")
    assert found["small"][:2] == ("wrong", 0)
    assert found["small"][2].startswith("off by up to ")
    assert found["large"] == found["negative"] == ("right", 3.3333, "")


def test_points_add_up() -> None:
    for points in (10, 1, 0.1, 33.33, 7):
        verdict = mark(twice(points), 0, run_here(twice(), "def twice(x): return x + x"))
        assert verdict.points == verdict.maximum == points
        assert verdict.questions[0].points == pytest.approx(points, rel=1e-12)


def test_a_part_has_the_status_of_its_first_case_that_is_not_right() -> None:
    def run(calls):
        said = [Answer("died", text="killed"), Answer("timed out"), Answer("raised", text="no")]
        return Transcript((*said, Answer("answered", 0.0)), (Note("limit", "memory"),), 1.5)

    verdict = mark(twice(), 0, run, student="s-1", submission="abc")
    found = {p.title: (p.status, p.message) for p in verdict.questions[0].parts}
    assert found["small"] == ("died", "killed")
    assert found["large"] == ("timed out", "")
    assert found["negative"][0] == "wrong"
    assert (verdict.student, verdict.submission, verdict.seconds) == ("s-1", "abc", 1.5)
    assert verdict.notes == (Note("limit", "memory"),)
    assert verdict.package == twice().digest
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict


def test_what_a_function_raises_is_told_in_one_harmless_line() -> None:
    code = "def twice(x):\n    raise ValueError('a\\n\\x1b[31m\\ud800' + 'b' * 1000)"
    status, points, message = parts(code)["small"]
    assert (status, points) == ("raised", 0)
    assert message.startswith("ValueError: a")
    assert message.isprintable()
    assert len(message) == 300


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("", "not attempted"),
        ("twice = None", "not attempted"),
        ("twice = ...", "not attempted"),
        ("def twice(x): raise NotImplementedError", "not attempted"),
        ("def twice(x): raise NotImplementedError('forward')", "raised"),
        ("twice = 2", "raised"),
        ("def twice(x): return open", "wrong"),
        ("def twice(x): return FACTOR * x", "right"),
        ("class Twice:\n    def __call__(self, x): return x + x\ntwice = Twice()", "right"),
    ],
)
def test_statuses(code, status) -> None:
    assert {found[0] for found in parts(code).values()} == {status}


def test_a_judge_that_raises_finds_the_answer_wrong() -> None:
    judge = "\ndef judge(inputs, expected, answer):\n    return '' if answer > 0 else 'too small'\n"
    package = twice(hidden=HIDDEN + judge)
    found = parts("def twice(x): return None", package)
    assert found["large"] == ("wrong", 0, "it has another form than it should (TypeError)")
    assert parts("def twice(x): return 7.0", package)["large"][0] == "right"


def test_no_answer_can_change_what_the_judge_and_the_solution_see() -> None:
    code = "def twice(x):\n    return x.mul_(2).clone() if hasattr(x, 'mul_') else 2 * x"
    judge = """
def judge(inputs, expected, answer):
    from grading.plain import difference
    return difference(expected, answer) or difference([2 * inputs["x"]], [expected])
"""
    package = twice(hidden=HIDDEN + judge)
    package = replace(package, questions=(replace(package.questions[0], solution=code),))
    assert {found[0] for found in parts(code, package).values()} == {"right"}


def test_the_same_seed_draws_the_same_inputs_whatever_else_is_asked() -> None:
    def inputs(package: Package, seed: int) -> list[str]:
        return [repr(c.inputs) for q, _, c in draw(package, seed) if q.label == "ex-twice"]

    alone = twice()
    (question,) = twice(label="ex-other").questions
    both = replace(alone, questions=(question, *alone.questions))
    assert inputs(alone, 3) == inputs(alone, 3) == inputs(both, 3)
    assert inputs(alone, 3) != inputs(alone, 4)
    first, second = (repr(c.inputs) for q, _, c in draw(both, 3) if c.title == "large")
    assert first != second


def test_marking_leaves_the_random_numbers_of_the_grader_alone() -> None:
    before = torch.get_rng_state()
    mark(twice(), 0, run_here(twice(), "import torch\ndef twice(x): return x + torch.rand(())"))
    assert torch.equal(torch.get_rng_state(), before)
