"""Where exercises and their solutions begin and end: the gates of sphinx-exercise in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

GATE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<what>exercise|solution)-(?P<end>start|end)\}"
    r"(?P<argument>.*)\n(?P<options>(?::.*\n)*)(?P=fence)[ ]*$\n?",
    re.M,
)
LABEL = re.compile(r"^:label:[ ]*(\S+)", re.M)


class Gated(NamedTuple):
    """One exercise or solution: its parts as offsets into the text."""

    what: str
    """"exercise" or "solution"."""
    label: str
    """Of the exercise, for its solution too."""
    title: str
    start: int
    """Where the first gate begins."""
    body: slice
    """What is between the gates."""
    end: int
    """Where the line of the last gate ends."""


def gated(text: str) -> Iterator[Gated]:
    """Exercises and solutions in order; ValueError if a gate has no partner or no label."""
    opened: re.Match[str] | None = None
    for gate in GATE.finditer(text):
        if gate["end"] == "start" and opened is None:
            opened = gate
        elif gate["end"] == "end" and opened is not None and opened["what"] == gate["what"]:
            yield _pair(opened, gate)
            opened = None
        else:
            raise ValueError(f"{_where(text, gate)} has no partner")
    if opened is not None:
        raise ValueError(f"{_where(text, opened)} has no partner")


def _pair(first: re.Match[str], last: re.Match[str]) -> Gated:
    argument = first["argument"].strip()
    label = LABEL.search(first["options"])
    name = argument if first["what"] == "solution" else label[1] if label else ""
    if not name:
        raise ValueError(f"{_where(first.string, first)} has no label")
    body = slice(first.end(), last.start())
    return Gated(first["what"], name, argument, first.start(), body, last.end())


def _where(text: str, gate: re.Match[str]) -> str:
    line = text.count("\n", 0, gate.start()) + 1
    return f"line {line}: the gate {gate['what']}-{gate['end']}"
