"""One chapter as a notebook: code cells as MyST-NB reads them, text as plain Markdown."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import cast

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from nbformat import NotebookNode

from book.blocks import Piece, join, pieces
from book.citations import Bibliography
from book.directives import REFERENCES
from book.labels import Labels
from book.leftovers import leftovers
from book.myst import MystError
from book.page import Page
from book.project import Project
from book.withheld import page_text

COLLAPSED = "jp-MarkdownHeadingCollapsed"


def read(path: Path, project: Project) -> NotebookNode:
    """The notebook as MyST-NB reads it, with `source_map`, the first lines of its cells."""
    config = MdParserConfig(enable_extensions=set(project.extensions))
    text = page_text(path, project.root)
    notebook = read_myst_markdown_notebook(text, config, add_source_map=True, path=path)
    return cast(NotebookNode, notebook)


def generate(path: Path, project: Project, labels: Labels) -> str:
    """Text of the .ipynb for one chapter; MystError as "file:line: what"."""
    try:
        return f"{nbformat.writes(_notebook(path, project, labels))}\n"
    except MystError as error:
        raise MystError(f"{path.relative_to(project.root)}:{error}") from None


def _notebook(path: Path, project: Project, labels: Labels) -> NotebookNode:
    source = read(path, project)
    own = source.metadata.get("myst", {}).get("substitutions", {})
    page = Page(
        docname=project.docname(path),
        project=project,
        labels=labels,
        bibliography=Bibliography(project.bibliographies),
        substitutions={**project.substitutions, **own},
    )
    notebook: NotebookNode = nbformat.v4.new_notebook(
        metadata={"kernelspec": source.metadata["kernelspec"], "language_info": {"name": "python"}}
    )
    notebook.cells = _cells(source, page)
    _add_links(notebook, page)
    _add_references(notebook, page)
    add_ids(notebook)
    refuse_leftovers(notebook)
    return notebook


def refuse_leftovers(notebook: NotebookNode) -> None:
    """MystError if a text has syntax that only the book understands."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (left := leftovers(cell.source)):
            raise MystError(f"1: MyST is left in the notebook, wrong in the chapter: {left[0]!r}")


def _cells(source: NotebookNode, page: Page) -> list[NotebookNode]:
    """Code cells as they are; Markdown cells converted and split at headings."""
    cells: list[NotebookNode] = []
    root = page.project.root
    lines = page_text(root / f"{page.docname}.md", root).splitlines()
    for cell, start in zip(source.cells, source.metadata["source_map"], strict=True):
        if cell.cell_type == "markdown":
            cells += _markdown_cells(pieces(cell.source, page, _first_line(lines, start)), cell)
        else:
            cells.append(nbformat.from_dict({**cell}))
    _close_solutions(cells)
    return [cell for cell in cells if cell.source]


def _first_line(lines: list[str], start: int) -> int:
    """MyST-NB cuts blank lines off the start of a cell, but does not count them."""
    while lines[start] == "":
        start += 1
    return start


def _markdown_cells(parts: list[Piece], cell: NotebookNode) -> list[NotebookNode]:
    groups: list[list[Piece]] = [[]]
    for part in parts:
        if part.starts:
            groups.append([])
        groups[-1].append(part)
    made = []
    for group in groups:
        metadata = {**cell.metadata, "gate": group[0].gate if group else ""}
        made.append(nbformat.v4.new_markdown_cell(join(group), metadata=metadata))
    return made


def _close_solutions(cells: list[NotebookNode]) -> None:
    """Close the section of each solution, where that hides nothing else.

    A closed section reaches to the next heading, so one must follow the solution at once.
    """
    for i, cell in enumerate(cells):
        if cell.cell_type != "markdown" or cell.metadata.pop("gate", "") != "start":
            continue
        gates = [c.metadata.get("gate") for c in cells[i:]]
        after = cells[i + gates.index("end") :] if "end" in gates else []
        following = next((c for c in after if c.source), None)
        if "end" in gates and (following is None or following.source.startswith("#")):
            cell.metadata[COLLAPSED] = True


def _add_links(notebook: NotebookNode, page: Page) -> None:
    """Under the title: where to run the notebook, where to read it."""
    colab = f"{page.project.colab}/{page.docname}.ipynb"
    links = f"[Open in Colab]({colab}) · [Read this chapter on the web]({page.url(page.docname)})"
    first = next((cell for cell in notebook.cells if cell.cell_type == "markdown"), None)
    if first is None:
        raise MystError("1: a chapter must have a title")
    title, _, rest = first.source.partition("\n")
    first.source = f"{title}\n\n{links}\n\n{rest.lstrip()}".rstrip()


def _add_references(notebook: NotebookNode, page: Page) -> None:
    """Put the list of references where the chapter wants it, or at the end."""
    references = page.bibliography.references()
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and REFERENCES in cell.source:
            cell.source = cell.source.replace(REFERENCES, references)
            return
    if page.bibliography.cited:
        text = f"## References\n\n{references}"
        notebook.cells.append(nbformat.v4.new_markdown_cell(text))


def add_ids(notebook: NotebookNode) -> None:
    """Ids from the cells' content: a cell that is inserted or changed changes no other id."""
    seen: Counter[str] = Counter()
    closed = []
    for cell in notebook.cells:
        text = f"{cell.cell_type}\n{cell.source}"
        seen[text] += 1
        cell["id"] = hashlib.sha256(f"{seen[text]}\n{text}".encode()).hexdigest()[:12]
        if cell.metadata.get(COLLAPSED):
            cell.metadata["id"] = cell["id"]
            closed.append(cell["id"])
    if closed:  # what JupyterLab reads from the cell, Colab reads from here
        notebook.metadata["colab"] = {"collapsed_sections": closed}
