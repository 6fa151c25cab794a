"""What passes between the parts of the grader: calls, answers, notes, verdicts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

AnswerStatus = Literal["answered", "not attempted", "raised", "timed out", "died", "not reached"]
Status = Literal["right", "wrong", "not attempted", "raised", "timed out", "died", "not reached"]


@dataclass(frozen=True)
class Call:
    """One call of a student's function: `code` defines `call(function, **inputs)`."""

    function: str
    code: str
    inputs: dict[str, Any]
    """Plain data and tensors."""


@dataclass(frozen=True)
class Answer:
    """What came back: plain data in `value` if answered, else a text for people.

    Both come from the student's process: compare and escape them, trust neither.
    """

    status: AnswerStatus
    value: Any = None
    text: str = ""


@dataclass(frozen=True)
class Note:
    """Something that a person should know about a submission.

    kind: "cell" (a cell raised), "limit" (it hit a limit), "attempt" (it tried what no exercise
    needs: files, network, processes), "channel" (it meddled with the grader's channel),
    "unreadable" (no notebook).
    """

    kind: Literal["cell", "limit", "attempt", "channel", "unreadable"]
    text: str


@dataclass(frozen=True)
class Transcript:
    """All that one notebook said, an answer for each call in order."""

    answers: tuple[Answer, ...]
    notes: tuple[Note, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Part:
    """A group of hidden cases of a question: all right or no points."""

    title: str
    points: float
    maximum: float
    status: Status
    message: str = ""


@dataclass(frozen=True)
class QuestionMark:
    """Points of one question."""

    label: str
    title: str
    parts: tuple[Part, ...]

    @property
    def points(self) -> float:
        """Sum over the parts."""
        return sum(part.points for part in self.parts)

    @property
    def maximum(self) -> float:
        """Sum of what the parts could give."""
        return sum(part.maximum for part in self.parts)


@dataclass(frozen=True)
class Verdict:
    """The mark of one submission, and how it came about."""

    student: str
    questions: tuple[QuestionMark, ...]
    notes: tuple[Note, ...] = ()
    seed: int = 0
    """Inputs were drawn with it: the same seed gives the same inputs again."""
    package: str = ""
    """Digest of the assignment."""
    submission: str = ""
    """SHA-256 of the file."""
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """Points, rounded to two decimals as the CSV shows them."""
        return round(sum(question.points for question in self.questions), 2)

    @property
    def maximum(self) -> float:
        """Points of a right submission."""
        return round(sum(question.maximum for question in self.questions), 2)

    def to_json(self) -> dict[str, Any]:
        """Plain data for `from_json`, with the points for people who read the file."""
        return {"points": self.points, "maximum": self.maximum, **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """Undo `to_json`; KeyError or TypeError if it is something else."""
        fields = {k: v for k, v in data.items() if k not in ("points", "maximum")}
        questions = tuple(
            QuestionMark(q["label"], q["title"], tuple(Part(**part) for part in q["parts"]))
            for q in fields.pop("questions")
        )
        notes = tuple(Note(**note) for note in fields.pop("notes"))
        return cls(questions=questions, notes=notes, **fields)
