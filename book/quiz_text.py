"""The body of a quiz: a question, then a task list of options with feedback."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPTION = re.compile(r"[-*+] \[(?P<mark>[ xX])\] +(?P<text>.*)")


@dataclass(frozen=True)
class Option:
    """One option; `line` counts from 0 within the body."""

    text: str
    feedback: str
    right: bool
    line: int


@dataclass(frozen=True)
class Quiz:
    """A question in Markdown and its options, at least two of them and at least one right."""

    question: str
    options: tuple[Option, ...]

    @property
    def several(self) -> bool:
        """Whether more than one option is right."""
        return sum(option.right for option in self.options) > 1


def parse_quiz(body: str) -> Quiz:
    """Read the body of a quiz directive.

    Options are `- [ ] text — feedback`, right ones `- [x] ...`; continuation lines are indented.
    Raises ValueError without a question, without a right option or with fewer than two options.
    """
    lines = body.splitlines()
    starts = [i for i, line in enumerate(lines) if OPTION.match(line)]
    question = "\n".join(lines[: starts[0]] if starts else lines).strip()
    ends = [*starts, len(lines)][1:]
    options = tuple(_option(lines[a:b], a) for a, b in zip(starts, ends, strict=True))
    if not question:
        raise ValueError("a quiz must start with its question")
    if len(options) < 2:
        raise ValueError(f"a quiz must have at least two options `- [ ] ...`, got {len(options)}")
    if not any(option.right for option in options):
        raise ValueError("a quiz must have at least one right option `- [x] ...`")
    return Quiz(question, options)


def _option(lines: list[str], start: int) -> Option:
    match = OPTION.match(lines[0])
    assert match is not None  # `lines` starts where OPTION matched
    rest = [line.strip() for line in lines[1:]]
    if any(line and not raw.startswith(" ") for line, raw in zip(rest, lines[1:], strict=True)):
        raise ValueError(f"text after the options of a quiz must be indented, got {lines[-1]!r}")
    text = " ".join([match["text"], *rest]).strip()
    answer, *feedback = re.split(r"(?:^|\s+)—\s+", text, maxsplit=1)
    if not answer:
        raise ValueError("an option of a quiz must have a text")
    return Option(answer, "".join(feedback), match["mark"] != " ", start)
