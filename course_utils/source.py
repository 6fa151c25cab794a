"""Show the tested source of a function or class on the page."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from course_utils.display import publish


def show(*objects: Callable[..., Any], docstrings: bool = False) -> None:
    """Display the source of functions, methods or classes, highlighted.

    What the reader sees is what the tests hold to PyTorch: it is read from the installed file.

    Args:
        objects: functions, methods or classes defined in a file.
        docstrings: whether to keep docstrings; without them a class fits on a screen.

    Raises:
        TypeError: if an object has no Python source, as functions written in C.
    """
    for item in objects:
        source = source_of(item, docstrings=docstrings)
        publish({"text/markdown": f"```python\n{source}\n```", "text/plain": source})


def source_of(item: Callable[..., Any], *, docstrings: bool = False) -> str:
    """Return the source of `item`, without its docstrings unless they are asked for.

    >>> def square(x):
    ...     '''Return x times x.'''
    ...     return x * x
    >>> print(source_of(square))
    def square(x):
        return x * x
    """
    try:
        source = textwrap.dedent(inspect.getsource(item)).strip()
    except (OSError, TypeError) as error:
        raise TypeError(
            f"item must be a function, method or class with Python source, got {item!r}"
        ) from error
    return source if docstrings else _without_docstrings(source)


def _without_docstrings(source: str) -> str:
    lines = source.splitlines()
    dropped: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if ast.get_docstring(node) is None or len(node.body) == 1:
            continue  # a body that is only a docstring must stay, or the source does not parse
        start, end = node.body[0].lineno, node.body[1].lineno
        code_follows = (n for n in range(start + 1, end) if _is_code(lines[n - 1], n, node.body[0]))
        dropped.update(range(start, next(code_follows, end)))
    return "\n".join(line for number, line in enumerate(lines, 1) if number not in dropped)


def _is_code(line: str, number: int, docstring: ast.stmt) -> bool:
    """Whether a line between docstring and first statement is a comment or decorator to keep."""
    return number > (docstring.end_lineno or number) and bool(line.strip())
