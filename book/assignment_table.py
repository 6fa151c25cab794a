"""The directive `assignments`: a table of what each assignment of the project asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from book.assigned import Sheet, paths, read
from book.gates import gated
from book.ledger_nodes import LedgerDirective, table

HEAD = ["Assignment", "Exercise", "Points"]


class AssignmentTable(LedgerDirective):
    """A row for each exercise, with a link to it, and the sum of each assignment."""

    def run(self) -> list[nodes.Node]:
        """Build the table; the page is read in every build, as assignments come and go."""
        self.env.note_reread()
        sheets = [read(path) for path in paths(Path(self.env.srcdir))]
        rows = [row for sheet in sheets for row in self._rows(sheet)]
        return [table(HEAD, rows, "assignments")]

    def _rows(self, sheet: Sheet) -> list[list[list[nodes.Node]]]:
        titles = self._titles()
        exercises = [
            [
                self.markdown(f"`{sheet.name}`"),
                self.markdown(f"{{ref}}`{titles.get(label, label)} <{label}>`, `{label}`"),
                self._points(points),
            ]
            for label, points in sheet.points.items()
        ]
        total = self._points(sum(sheet.points.values()))
        return [
            *exercises,
            [self.markdown(f"`{sheet.name}`"), self.markdown("**together**"), total],
        ]

    def _titles(self) -> dict[str, str]:
        pages = [Path(self.env.doc2path(name)) for name in self.env.found_docs]
        found = [part for page in pages for part in gated(page.read_text(encoding="utf8"))]
        return {part.label: part.title for part in found if part.what == "exercise"}

    def _points(self, number: float) -> list[nodes.Node]:
        return self.markdown(f"{number:g}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.add_directive("assignments", AssignmentTable)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
