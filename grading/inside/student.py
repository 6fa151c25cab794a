"""A student's notebook: cells that run in one namespace, and functions that can be called."""

from __future__ import annotations

import ast
import linecache
import site
import sys
import types
from typing import Any

from course_utils import checks
from grading.inside import cells
from grading.inside.attempt import Outcome, attempt
from grading.inside.reporter import Reporter
from grading.plain import decode, encode

Request = dict[str, Any]


class Student:
    """Runs cells and calls functions; nothing that they do is raised.

    Args:
        setup: the limits, the context in which cells run, and the stub of each function, which is
            no answer.
        reporter: where notes go, and the number of each cell before it runs.
    """

    def __init__(self, setup: Request, reporter: Reporter) -> None:
        self._reporter, self._limits = reporter, setup["limits"]
        stubs = setup["stubs"].items()
        self._stubs = {name: cells.definition(ast.parse(stub), name) for name, stub in stubs}
        self._answers: dict[str, Any] = {}
        # Pickles, dataclasses and type hints look for the module of a class.
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self._namespace = module.__dict__
        self._namespace["display"] = print
        # Public tests say nothing about a mark, and take time; their definitions may be used.
        checks.check = _unchecked
        # Python started without `site` has no `help`, which notebooks use.
        site.sethelper()
        site.setquit()
        exec(compile(setup["context"], "<context>", "exec", dont_inherit=True), self._namespace)

    def run(self, request: Request) -> None:
        """Run all cells, and those that raise once more, as cells may be reordered."""
        again = []
        for number, source in self._cells(request):
            self._reporter.send(id=request["id"], cell=number)
            outcome = self._run(number, source)
            if outcome.status == "raised" and not outcome.limit:
                again.append((number, source))
            else:
                self._tell(number, outcome)
        # The second time adds names; it takes back nothing that a later cell has defined.
        kept, answers = dict(self._namespace), dict(self._answers)
        for number, source in again:
            self._reporter.send(id=request["id"], cell=number)
            self._tell(number, self._run(number, source))
        self._answers |= answers
        self._namespace.update(kept | self._answers)

    def _cells(self, request: Request) -> list[tuple[int, str]]:
        """Numbers and sources of the cells to run."""
        try:
            sources = cells.sources(request["notebook"])
        except (ValueError, MemoryError) as error:
            self._reporter.note("unreadable", f"it is no notebook: {error}")
            return []
        return [
            (number, source)
            for number, source in enumerate(sources, 1)
            if number not in request["skip"]
        ]

    def _run(self, number: int, source: str) -> Outcome:
        """Run one cell, and remember the functions that are asked for, if it defines them."""
        before = dict(self._namespace)
        stubs: set[str] = set()

        def run() -> None:
            name = f"{cells.CELL}{number}>"
            text = cells.plain_python(source)
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
            tree = ast.parse(text, name)
            stubs.update(f for f, stub in self._stubs.items() if cells.definition(tree, f) == stub)
            # A cell does not inherit the `from __future__` of this file.
            exec(compile(tree, name, "exec", dont_inherit=True), self._namespace)

        outcome = attempt(run, self._limits["cell_seconds"])
        for function in self._stubs.keys() - stubs:
            new = self._namespace.get(function)
            if new is not before.get(function):
                self._answers[function] = new
        if outcome.limit == "memory":
            self._free(before)
        return outcome

    def _free(self, before: dict[str, Any]) -> None:
        """Forget the data of a cell that took all memory, or nothing else could run."""
        for name in self._namespace.keys() - before.keys():
            if not callable(self._namespace[name]):
                del self._namespace[name]

    def _tell(self, number: int, outcome: Outcome) -> None:
        if outcome.text:
            kind = "limit" if outcome.limit else "cell"
            self._reporter.note(kind, f"code cell {number}: {outcome.text}")

    def call(self, request: Request) -> dict[str, Any]:
        """Call a function of the notebook as the request says; the fields of an `Answer`."""
        name = request["function"]
        if name not in self._answers:
            return {"status": "not attempted"}

        def run() -> Any:
            own: dict[str, Any] = {}
            exec(compile(request["code"], "<hidden test>", "exec", dont_inherit=True), own)
            return encode(own["call"](self._answers[name], **decode(request["inputs"])))

        outcome = attempt(run, self._limits["call_seconds"])
        if outcome.limit:
            self._reporter.note("limit", f"{name}: {outcome.text}")
        return {"status": outcome.status, "value": outcome.value, "text": outcome.text}


def _unchecked(attempt: Any, *tests: Any) -> None:
    """In place of `course_utils.checks.check`."""
