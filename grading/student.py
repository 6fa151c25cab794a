"""The student's notebook of an assignment, and the same with solutions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nbformat
from nbformat import NotebookNode

from book.blocks import convert
from book.chapter import add_ids, refuse_leftovers
from book.citations import Bibliography
from book.inline import to_markdown
from book.labels import Labels
from book.page import Page
from book.project import Project
from book.setup_cell import setup_cell
from grading.assignments import Assignment, Item
from grading.exercises import Exercise

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# The first two say to Colab, the third to JupyterLab, that the code is not there to be read.
CLOSED = {"cellView": "form", "collapsed": False, "jupyter": {"source_hidden": True}}
HOW = """\
Run the two cells below first. Then, for each exercise:

1. Write your version in the cell with `raise NotImplementedError`, and run it. Keep the name and
   the arguments.
2. Run the tests below it. They say what is right, what is wrong, and what is *not attempted* yet.
   Run them again after each change.

Other tests follow when it is graded: they test what the statement says, with other numbers. You
may add cells and imports. [More about working on it, and about grading]({students})"""
HAND_IN = """\
## Hand in

1. *Runtime → Restart session and run all* (JupyterLab: *Kernel → Restart Kernel and Run All
   Cells*). Look once more at what the tests say.
2. *File → Download → Download .ipynb* (JupyterLab: *File → Download*).
3. Upload this one file where your course collects it, by **{due}**.

An exercise that you did not solve does no harm to the others: leave it as it is."""


@dataclass
class Writer:
    """Makes the cells of one notebook."""

    assignment: Assignment
    project: Project
    labels: Labels
    solutions: bool
    """Whether to add them."""

    def __post_init__(self) -> None:
        # No page of the book: references to anything become links to the site.
        self.page = Page(
            docname=f"assignments/{self.assignment.sheet.name}",
            project=self.project,
            labels=self.labels,
            bibliography=Bibliography(self.project.bibliographies),
            substitutions=self.project.substitutions,
        )

    def notebook(self) -> NotebookNode:
        """All cells, without outputs, with ids that depend on nothing but their content."""
        cells = [text(self._title()), self._setup(), code(self.assignment.context, "context")]
        for number, item in enumerate(self.assignment.items, 1):
            cells += self._exercise(number, item)
        if self.page.bibliography.cited:
            cells.append(text(f"## References\n\n{self.page.bibliography.references()}"))
        if not self.solutions:
            cells.append(text(HAND_IN.format(due=day(self.assignment.sheet.due))))
        metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
        made: NotebookNode = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
        refuse_leftovers(made)
        add_ids(made)
        return made

    def _title(self) -> str:
        sheet = self.assignment.sheet
        total = f"{points(sum(sheet.points.values()))} · due {day(sheet.due)}"
        if self.solutions:
            return f"# {sheet.title}: solutions\n\n**{total}**\n\nNot for students."
        how = HOW.format(students=self.page.url("chapters/students"))
        return f"# {sheet.title}\n\n**{total}**\n\n{how}"

    def _setup(self) -> NotebookNode:
        lines = setup_cell(self.project.repository).split("\n")
        return code("\n".join(lines[2:-1]), "setup")  # without the fence and the tags

    def _exercise(self, number: int, item: Item) -> list[NotebookNode]:
        exercise = item.exercise
        parts = [f"## {number}. {self._inline(exercise.title)} ({points(item.points)})"]
        parts += [self._place(exercise), convert(exercise.statement, self.page, exercise.line)]
        cells = [
            text("\n\n".join(part for part in parts if part)),
            code(exercise.stub, "stub"),
            code(item.tests, "test", **CLOSED),
        ]
        if self.solutions:
            explanation = convert(exercise.explanation, self.page, 0)
            cells.append(text(f"### Solution of {number}\n\n{explanation}".rstrip()))
            cells.append(code(exercise.solution, "solution"))
        return cells

    def _place(self, exercise: Exercise) -> str:
        """Where the exercise is in the book."""
        target = self.labels.targets.get(exercise.label)
        if target is None:
            return ""
        link = self.page.url(target.docname, target.anchor)
        title = self._inline(self.labels.titles[target.docname])
        return f"[{target.name} of the book, in *{title}*]({link})"

    def _inline(self, myst: str) -> str:
        return to_markdown(myst, self.page, 0)


def text(source: str) -> NotebookNode:
    """A cell of text."""
    cell: NotebookNode = nbformat.v4.new_markdown_cell(source)
    return cell


def code(source: str, tag: str, **metadata: Any) -> NotebookNode:
    """A cell of code."""
    metadata = {**metadata, "tags": [tag]}
    cell: NotebookNode = nbformat.v4.new_code_cell(source, metadata=metadata)
    return cell


def points(number: float) -> str:
    """A number of points in words.

    >>> points(25.0), points(1), points(2.5)
    ('25 points', '1 point', '2.5 points')
    """
    return f"{number:g} point" + ("" if number == 1 else "s")


def day(time: datetime) -> str:
    """A date and a time in words.

    >>> day(datetime(2027, 3, 1, 23, 59))
    '1 March 2027, 23:59'
    """
    return f"{time.day} {time:%B %Y, %H:%M %Z}".strip()
