"""A student's notebook: cells that run in one namespace, and functions that can be called."""

from __future__ import annotations

import ast
import linecache
import site
import sys
import types
from typing import Any

from grading.inside import cells
from grading.inside.attempt import attempt
from grading.inside.reporter import Reporter
from grading.plain import decode, encode


class Student:
    """Runs cells and calls functions; nothing that they do is raised.

    Args:
        setup: the session's first request: the text of the notebook, the numbers of cells to
            skip, the context, the public tests, the stub of each function, and the limits.
        reporter: where notes go, and the number of each cell before it runs.
    """

    def __init__(self, setup: dict[str, Any], reporter: Reporter) -> None:
        self._setup, self._reporter, self._limits = setup, reporter, setup["limits"]
        # Pickles, dataclasses and type hints look for the module of a class.
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self._namespace = module.__dict__
        self._namespace["display"] = print
        # Python started without `site` has no `help`, which notebooks use.
        site.sethelper()
        site.setquit()
        stubs = setup["stubs"].items()
        self._stubs = {name: cells.definition(ast.parse(stub), name) for name, stub in stubs}
        self._answers: dict[str, Any] = {}

    def run(self) -> None:
        """Run the context and all cells; those that raise once more, as cells may be reordered."""
        exec(compile(self._setup["context"], "<context>", "exec"), self._namespace)
        try:
            sources = cells.sources(self._setup["notebook"])
        except (ValueError, MemoryError) as error:
            self._reporter.note("unreadable", f"it is no notebook: {error}")
            return
        numbered = [
            (number, source)
            for number, source in enumerate(sources, 1)
            if number not in self._setup["skip"]
            and not any(cells.same(source, test) for test in self._setup["tests"])
        ]
        again = [cell for cell in numbered if not self._run(*cell, last=False)]
        kept = dict(self._namespace)
        for cell in again:
            self._run(*cell, last=True)
        # The second time adds names; it takes back nothing that a later cell has defined.
        self._namespace.update(kept | self._answers)

    def _run(self, number: int, source: str, last: bool) -> bool:
        """Run one cell; whether that is all for it."""
        self._reporter.send(id=self._setup["id"], cell=number)
        name = f"{cells.CELL}{number}>"
        before = {function: self._namespace.get(function) for function in self._stubs}
        stubs: list[str] = []

        def run() -> None:
            text = cells.plain_python(source)
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
            tree = ast.parse(text, name)
            stubs.extend(f for f, stub in self._stubs.items() if cells.definition(tree, f) == stub)
            # A cell does not inherit the `from __future__` of this file.
            exec(compile(tree, name, "exec", dont_inherit=True), self._namespace)

        outcome = attempt(run, self._limits["cell_seconds"])
        for function, old in before.items():
            new = self._namespace.get(function)
            if (
                new is not old
                and function not in stubs
                and not (last and function in self._answers)
            ):
                self._answers[function] = new
        if outcome.text and (last or outcome.limit):
            kind = "limit" if outcome.limit else "cell"
            self._reporter.note(kind, f"code cell {number}: {outcome.text}")
        return outcome.status != "raised" or outcome.limit

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
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
