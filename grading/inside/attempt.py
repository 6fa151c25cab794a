"""Run a student's code for a limited time, whatever it raises."""

from __future__ import annotations

import errno
import linecache
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from grading.inside.cells import CELL

_LONGEST = 300
_ENDS = {
    **dict.fromkeys((errno.ENOSPC, errno.EFBIG, errno.EMFILE), "files"),
    errno.EAGAIN: "processes",
    errno.ENOMEM: "memory",
}


class TimeUp(BaseException):
    """Not an `Exception`: students' code often catches those."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, in the words of `records.AnswerStatus`."""

    status: str
    value: Any = None
    text: str = ""
    limit: str = ""
    """What ran out, if it was that: "time", "memory", "processes", "files"."""


def attempt(action: Callable[[], Any], seconds: float) -> Outcome:
    """Run `action`; "answered", "not attempted", "raised" or "timed out"."""
    try:
        with _alarm(seconds):
            try:
                return Outcome("answered", action())
            except TimeUp:
                raise
            except BaseException as error:
                # Here, because also the text of an error is the student's code, and may not end.
                return _raised(error)
    except TimeUp as error:
        return Outcome("timed out", None, f"stopped after {seconds:g} s{_where(error)}", "time")
    except BaseException:
        return Outcome("raised", None, "an error that cannot be shown")


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TimeUp

    signal.signal(signal.SIGALRM, ring)
    # Again and again, for code that catches everything.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _raised(error: BaseException) -> Outcome:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    if isinstance(error, NotImplementedError) and not message:
        return Outcome("not attempted")
    text = f"{type(error).__name__}: {message}"[:_LONGEST].removesuffix(": ")
    return Outcome("raised", None, text + _where(error), _limit(error, text))


def _limit(error: BaseException, text: str) -> str:
    if isinstance(error, OSError):
        return _ENDS.get(error.errno or 0, "")
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return "memory"
    return "processes" if "can't start new thread" in text else ""


def _where(error: BaseException) -> str:
    """The line of the notebook in which it happened."""
    places = [
        (frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError):
        places.append((error.filename or "", error.lineno or 0))
    for name, line in reversed(places):
        if name.startswith(CELL):
            source = linecache.getline(name, line).strip()[:100]
            return f" (line {line} of {name.strip('<>')}: `{source}`)"
    return ""
