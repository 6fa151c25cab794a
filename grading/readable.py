"""What a person can read in a file, as one line of words: so that layout hides nothing.

A word is a name, a number or a sign. Brackets, commas, quotes and white space are no words: they
come and go when code is laid out anew.
"""

from __future__ import annotations

import contextlib
import html
import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WORD = re.compile(r"[^\W\d]\w*|\d\w*(?:\.\w+)?|[^\w\s()\[\]{},;'\"`\\]")
COMMENT = re.compile(r"#.*")
TAG = re.compile(r"<[^>]*>")
LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def words(text: str) -> str:
    """The words of a text, a space around each.

    >>> words("f(x,\\n  'a')") == words('f( x, "a", )') == " f x a "
    True
    """
    return f" {' '.join(WORD.findall(text))} "


def code_lines(code: str) -> Iterator[tuple[str, str]]:
    """Each logical line of Python as it stands there, and its words; no comments and docstrings.

    >>> list(code_lines("x = f(  # why\\n    1)"))
    [('x = f( # why 1)', ' x = f 1 ')]
    """
    line: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(f"{code}\n").readline):
        if token.type != tokenize.NEWLINE:
            line += [] if token.type in LAYOUT else [token]
            continue
        if any(part.type != tokenize.STRING for part in line):
            source = code.splitlines()[line[0].start[0] - 1 : line[-1].end[0]]
            yield " ".join(" ".join(source).split()), words(" ".join(p.string for p in line))
        line = []


def readable(path: Path) -> str:
    """The words in a text file, with and without what may be comments; "" if it is no text."""
    try:
        text = path.read_bytes().decode("utf8")
    except UnicodeDecodeError:
        return ""
    if path.suffix == ".ipynb":
        with contextlib.suppress(ValueError):
            text = "\n".join(_strings(json.loads(text)))
    elif path.suffix in (".js", ".json", ".map"):
        text = text.replace("\\n", "\n")
    elif path.suffix in (".html", ".svg", ".xml"):
        # What is in attributes can be read too: a description, a text for screen readers.
        text = f"{TAG.sub(' ', text)}\n{' '.join(_attributes(text))}"
        text = html.unescape(text)
    return words(COMMENT.sub("", text)) + words(text)


def _attributes(page: str) -> Iterator[str]:
    for tag in re.findall(r"<[^<>]*=\s*[\"'][^<>]*>", page):
        yield from (value for _, value in re.findall(r"=\s*([\"'])(.*?)\1", tag, re.S))


def _strings(value: Any) -> Iterator[str]:
    """All texts in JSON; a list of texts is the lines of one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for entry in value.values() for text in _strings(entry))
    elif isinstance(value, list) and value and all(isinstance(entry, str) for entry in value):
        yield "".join(value)
    elif isinstance(value, list):
        yield from (text for entry in value for text in _strings(entry))
