"""Finds solutions and hidden tests where students can read them.

What is looked for are the logical lines of code, and the phrases and formulas of prose, as words
(see `grading.readable`). Lines that the statement, the stub or the public tests have are no secret.
The others must be close together, in a stretch of three times the length of the secret, and be

- half of the secret's words or more, which a copy with small changes has, too; or
- all lines of code but one, so that dropping one line of two or three hides nothing.

One line alone counts as a whole. Code that shares a few lines with a solution, as the derivation
of Adam in a chapter does, is far from both: no page of the book has more than 40 % of the words of
a solution, and then two lines of four are missing.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grading.assignments import Assignment, Item, without_checks
from grading.files import one_line
from grading.readable import code_lines, readable, words

SHORTEST = 8
"""Words of a secret: less can stand anywhere, and counts only beside the `def` line."""
PHRASE = 4
"""Words of a phrase or formula in prose."""
BETWEEN = re.compile(
    r"\{[\w:.-]+\}`[^`]*`|\$+|\*+|^\s*(?:\d+\.|-)\s|!?\[|\]\([^)]*\)|\n\s*\n|^[`:]{3}.*$", re.M
)
"""What separates phrases in MyST: roles, formulas, emphasis, numbers of lists, links."""


@dataclass(frozen=True)
class Line:
    """One line of a secret: as it stands there, its words, and whether everybody may read it."""

    text: str
    words: str
    public: bool

    @property
    def weight(self) -> int:
        """Number of words that are secret."""
        return 0 if self.public else self.words.count(" ") - 1


@dataclass(frozen=True)
class Secret:
    """A solution, its text, or a function of hidden tests."""

    label: str
    kind: str
    lines: tuple[Line, ...]
    is_code: bool = True

    def find(self, text: str) -> str:
        """What of it stands in a text of words, "" if not enough to matter."""
        for near in self._near(text):
            if self._is_leak(near):
                return " / ".join(self.lines[n].text for n in sorted(near) if self.lines[n].weight)
        return ""

    def share(self, text: str) -> float:
        """Largest share of its secret words that are close together in a text of words."""
        total = sum(line.weight for line in self.lines) or 1
        found = (sum(self.lines[number].weight for number in near) for near in self._near(text))
        return max(found, default=0) / total

    def _near(self, text: str) -> Iterator[set[int]]:
        """Numbers of the lines that stand close together, from each place on."""
        places = [(at, number) for number, x in enumerate(self.lines) for at in _at(x.words, text)]
        places.sort()
        reach = 3 * sum(len(line.words) for line in self.lines) + 200
        for start, (first, _) in enumerate(places):
            end = bisect(places, (first + reach, len(self.lines)))
            yield {number for _, number in places[start:end]}

    def _is_leak(self, found: set[int]) -> bool:
        secret = {number for number, line in enumerate(self.lines) if line.weight}
        total = sum(line.weight for line in self.lines)
        weight = sum(self.lines[number].weight for number in found)
        if total < SHORTEST and 0 not in found:
            return False
        all_but_one = self.is_code and len(secret - found) <= 1 < len(secret)
        return 2 * weight >= total > 0 or all_but_one


def _at(part: str, text: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def solutions(assignment: Assignment) -> Iterator[Secret]:
    """The code and the text of each solution."""
    for item in assignment.items:
        exercise, public = item.exercise, _public(item)
        code = without_checks(exercise.solution)
        yield Secret(exercise.label, "the solution", _code(code, public))
        phrases = dict.fromkeys(" ".join(p.split()) for p in BETWEEN.split(exercise.explanation))
        lines = [Line(phrase, words(phrase), words(phrase) in public) for phrase in phrases]
        long = tuple(line for line in lines if line.words.count(" ") > PHRASE)
        yield Secret(exercise.label, "the text of the solution", long, is_code=False)


def hidden_tests(assignment: Assignment) -> Iterator[Secret]:
    """The functions of the hidden tests, one by one."""
    for item in assignment.items:
        for node in ast.parse(item.hidden).body:
            if isinstance(node, ast.FunctionDef):
                code = ast.get_source_segment(item.hidden, node) or ""
                kind = f"{node.name!r} of the hidden tests"
                yield Secret(item.exercise.label, kind, _code(code, _public(item)))


def _public(item: Item) -> str:
    exercise = item.exercise
    return words(exercise.statement) + words(exercise.stub) + words(exercise.test)


def _code(code: str, public: str) -> tuple[Line, ...]:
    return tuple(Line(text, line, line in public) for text, line in code_lines(code))


def leaks(secrets: Iterable[Secret], files: Iterable[Path], root: Path) -> list[str]:
    """One sentence for each secret that some file has: exercise, files, and the text found."""
    secrets = list(secrets)
    found: dict[tuple[str, str], list[tuple[Path, str]]] = {}
    for path in files:
        text = readable(path)
        for secret in secrets:
            if excerpt := secret.find(text):
                found.setdefault((secret.label, secret.kind), []).append((path, excerpt))
    return [
        f"{label}: {kind} can be read in {_named(places, root)}: {one_line(places[0][1], 160)}"
        for (label, kind), places in found.items()
    ]


def _named(places: list[tuple[Path, str]], root: Path) -> str:
    paths = [path for path, _ in places]
    names = [str(p.relative_to(root) if p.is_relative_to(root) else p.name) for p in paths]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} other files" if names[4:] else "")


def site_files(root: Path) -> list[Path]:
    """All files of the built site, [] if there is none."""
    return sorted(path for path in (root / "_build" / "html").rglob("*") if path.is_file())


def notebooks(root: Path) -> list[Path]:
    """The notebooks of the chapters, which Colab opens."""
    return sorted((root / "chapters").glob("*.ipynb"))
