"""Cells of hostile notebooks, one idea each.

Each runs after a right `scale` and the stub of `shift`, and before a right `power`. HOST describes
the machine of the grader as an insider knows it; what `found` holds in the end is told outside.
"""

from __future__ import annotations

from dataclasses import dataclass

SETUP = """\
import ctypes, gc, os, signal, socket, subprocess, sys, threading, time
HOST = {host!r}
found = []

def look(path):
    try:
        with open(path, "rb") as file:
            found.append(str(file.read(20000)))
    except OSError as error:
        found.append(f"{{path}}: {{error.strerror}}")

def shift(x, by):
    return found
"""
CHANNEL = """\
def channels():
    import stat
    for number in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                yield number
        except OSError:
            pass

def say(data):
    for number in channels():
        try:
            os.write(number, data)
        except OSError:
            pass
"""


@dataclass(frozen=True)
class Attack:
    """A cell, the kind of the note that it earns, and a piece of that note's text."""

    name: str
    code: str
    kind: str
    text: str
    keeps: bool = True
    """Whether the right answers of the notebook still count."""
    context: str = ""
    """What the assignment imports."""
