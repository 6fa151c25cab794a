"""What a grader needs of an assignment, as plain data: one JSON file, and nothing of the book."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = "package.json"


@dataclass(frozen=True)
class Limits:
    """What one submission may use; times in seconds, sizes in bytes."""

    seconds: float = 120.0
    """The whole submission, restarts included."""
    cell_seconds: float = 20.0
    """One cell of the notebook."""
    call_seconds: float = 20.0
    """One call of the student's function."""
    memory: int = 2 << 30
    processes: int = 64
    disk: int = 64 << 20
    answer: int = 4 << 20
    """All that the notebook may send to the grader."""


@dataclass(frozen=True)
class Question:
    """One exercise of an assignment."""

    label: str
    title: str
    points: float
    function: str
    """Name of the function or class that the student writes."""
    stub: str
    tests: str
    """The cell of public tests; when graded, its `check` does nothing."""
    solution: str
    """Code that defines `function`."""
    hidden: str
    """Source of the hidden tests; see `grading.hidden`."""


@dataclass(frozen=True)
class Package:
    """An assignment as the grader sees it."""

    name: str
    title: str
    due: str
    context: str
    """Imports and helpers that solutions and stubs build on."""
    questions: tuple[Question, ...]
    limits: Limits = field(default_factory=Limits)

    @property
    def points(self) -> float:
        """Points of all questions."""
        return sum(question.points for question in self.questions)

    @property
    def digest(self) -> str:
        """Changes when anything changes that a mark depends on."""
        return hashlib.sha256(self._text().encode()).hexdigest()[:16]

    def save(self, folder: Path) -> None:
        """Write `package.json` into a folder that exists."""
        (folder / FILE).write_text(self._text(), encoding="utf8")

    @classmethod
    def load(cls, folder: Path) -> Package:
        """Read what `save` wrote; ValueError names a file that is missing or not readable."""
        path = folder / FILE
        try:
            data = json.loads(path.read_text(encoding="utf8"))
            questions = tuple(Question(**question) for question in data.pop("questions"))
            return cls(questions=questions, limits=Limits(**data.pop("limits")), **data)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"{path} is not a package of an assignment ({error}); run `make assignment`"
            ) from None

    def _text(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
