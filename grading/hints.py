"""What a student is told about a part: neither inputs nor what was expected.

Texts of a student's process may carry inputs of hidden tests ("raise ValueError(x)"), so no word of
them is passed on but the name of a built-in exception. People who grade see all.
"""

from __future__ import annotations

import builtins
import re

from grading.package import Limits
from grading.records import Note, Part

_ADVICE = {
    "NameError": "It uses a name that is not defined. Restart the kernel, run all cells in order, "
    "and see whether it still works.",
    "TypeError": "Something got the wrong kind of value, or the wrong number of them: compare the "
    "signature with that of the stub, and look at what your code calls.",
    "ValueError": "Something got a value that it does not take.",
    "IndexError": "It looked for an entry that is not there: try inputs of other sizes.",
    "KeyError": "It looked for a name that is not there.",
    "RuntimeError": "PyTorch raises it where shapes or dtypes do not fit together: try inputs of "
    "other shapes.",
    "AttributeError": "It asked an object for something that this object does not have.",
    "ZeroDivisionError": "It divided by zero: try inputs of size 1, and zeros.",
    "NotImplementedError": "A part of it is not written yet.",
    "RecursionError": "It calls itself without an end.",
    "MemoryError": "It needs more memory than a solution does.",
    "ModuleNotFoundError": "It imports what the grader does not have; a solution needs less.",
}
_SHAPE = r"numbers of shape \[[\d, ]*\]|a number|a dict"


def hint(part: Part, limits: Limits) -> str:
    """What went wrong in a part, and what to look at; "" if it is right."""
    if part.status == "wrong":
        return f"Your answer is not right: {_told(part.message)}." if part.message else _WRONG
    if part.status == "raised":
        name, where = exception(part.message), _where(part.message)
        return f"Your code raised {name or 'an exception'}{where}. {_ADVICE.get(name, '')}".strip()
    return {
        "right": "",
        "not attempted": "Nothing is defined here but the stub.",
        "timed out": f"A call took longer than {limits.call_seconds:g} "
        f"seconds{_where(part.message)}. Look for a loop that does not end.",
        "died": "The process that ran your notebook ended. Look for exits, for very large "
        "tensors, and for processes that it starts.",
        "not reached": f"The {limits.seconds:g} seconds of a notebook were over before this part.",
    }[part.status]


_WRONG = "Your answer is not right."


def cell_hint(note: Note) -> str:
    """What a student is told about a cell that raised: its number and the kind of exception.

    >>> cell_hint(Note("cell", "code cell 3: NameError: name 'x' is not defined"))
    'Code cell 3 raised NameError.'
    """
    match = re.match(r"code cell (\d{1,3}): ", note.text)
    cell, text = (f"Code cell {match[1]}", note.text[match.end() :]) if match else ("A cell", "")
    return f"{cell} raised {exception(text) or 'an exception'}."


def _where(text: str) -> str:
    """The place in the notebook; its numbers are too short to tell anything else."""
    match = re.search(r" \(line \d{1,4} of code cell \d{1,3}(?=[:)])", text)
    return f"{match[0]})" if match else ""


def exception(text: str) -> str:
    """The name of the built-in exception that a text begins with, "" if it is none.

    >>> exception("KeyError: 'x'"), exception("Secret: 42")
    ('KeyError', '')
    """
    name = re.match(r"\w*", text)
    kind = getattr(builtins, name[0], None) if name else None
    is_one = isinstance(kind, type) and issubclass(kind, BaseException)
    return kind.__name__ if is_one and kind else ""


def _told(message: str) -> str:
    """A message of a comparison, without the values in it.

    >>> _told("buffer: it is 'x' and should be 'y'")
    'buffer: it is not what it should be'
    >>> _told("value 2: off by up to 0.12345")
    'value 2: off by up to about 0.1'
    """
    message = re.sub(
        rf"\bit is .* and should be ({_SHAPE})$", r"it should be \1", message, flags=re.S
    )
    message = re.sub(
        r"\bit is .* and should be .*", "it is not what it should be", message, flags=re.S
    )
    message = re.sub(
        r"\bnames are .* and should be", "names are others and should be", message, flags=re.S
    )
    # One digit says how far off it is. All of them, after an answer of 0, are the right answer.
    return re.sub(r"(off by up to) (\d+(\.\d+)?(e[+-]?\d+)?)", _roughly, message)


def _roughly(match: re.Match[str]) -> str:
    return f"{match[1]} about {float(f'{float(match[2]):.0e}'):g}"
