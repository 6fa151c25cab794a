"""Self-checks of the exercises: not attempted, wrong, or right."""

from __future__ import annotations

import html
import traceback
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from course_utils.display import publish

_SIGN = {"right": "✓", "wrong": "✗", "not attempted": "○"}


class Result(NamedTuple):
    """What one test said: its title, the status, and a hint when it is wrong."""

    title: str
    status: Literal["right", "wrong", "not attempted"]
    hint: str


def check(attempt: Any, *tests: Callable[[Any], object]) -> None:
    """Run each test on an attempt and show, test by test, what is right.

    A test is a plain function of one argument, the learner's function or answer. It passes when
    it returns and fails with the message of its exception. It counts as *not attempted* when the
    attempt is `None` or `...`, or raises `NotImplementedError` without a message, as the stubs do;
    PyTorch raises it with a message, for a misspelt `forward`. Nothing is raised, so a notebook
    runs to its end whatever the learner wrote.

    Args:
        attempt: the learner's function, class or answer.
        tests: functions such as ``def test_ties(roc_auc): ...``; the title of the test is the
            first line of its docstring, or its name.

    Raises:
        ValueError: if no test is given.
    """
    results = run_tests(attempt, *tests)
    plain = "\n".join(_line(result) for result in results)
    rows = "".join(_row(result) for result in results)
    markup = f'<ul class="check-results">{rows}</ul>'
    publish({"text/plain": plain, "text/html": markup})


def run_tests(attempt: Any, *tests: Callable[[Any], object]) -> list[Result]:
    """Run each test on the attempt and return the results in order; see `check`.

    >>> def test_even(n):
    ...     assert n % 2 == 0, f"{n} is odd"
    >>> run_tests(3, test_even)
    [Result(title='even', status='wrong', hint='3 is odd')]
    """
    if not tests:
        raise ValueError("tests must hold at least one function, got none")
    return [_run(attempt, test) for test in tests]


def _run(attempt: Any, test: Callable[[Any], object]) -> Result:
    title = _title(test)
    if attempt is None or attempt is ...:
        return Result(title, "not attempted", "")
    try:
        test(attempt)
    except AssertionError as error:
        return Result(title, "wrong", str(error) or _failing_line(error))
    except Exception as error:
        if isinstance(error, NotImplementedError) and not str(error):
            return Result(title, "not attempted", "")
        where = _failing_line(error)
        return Result(title, "wrong", f"{type(error).__name__}: {error} (at `{where}`)")
    return Result(title, "right", "")


def _title(test: Callable[[Any], object]) -> str:
    name: str = getattr(test, "__name__", repr(test))
    first_line = (test.__doc__ or "").strip().partition("\n")[0]
    return first_line.rstrip(".") or name.removeprefix("test_").replace("_", " ")


def _failing_line(error: BaseException) -> str:
    return traceback.extract_tb(error.__traceback__)[-1].line or "no source"


def _line(result: Result) -> str:
    hint = f": {result.hint}" if result.hint else ""
    return f"{_SIGN[result.status]} {result.title} - {result.status}{hint}"


def _row(result: Result) -> str:
    kind = result.status.replace(" ", "-")
    hint = f": {html.escape(result.hint)}" if result.hint else ""
    return (
        f'<li class="check-{kind}"><span aria-hidden="true">{_SIGN[result.status]}</span> '
        f"{html.escape(result.title)} - <strong>{result.status}</strong>{hint}</li>"
    )
