"""Claims, errata and lecture items of all chapters, collected and checked once a build.

Claims are outputs of executed notebooks, the others are directives in their sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError

from book.errata_text import Erratum, parse_errata
from book.execution import executed_notebooks
from book.lecture_items import parse_items
from book.myst import walk
from book.withheld import page_text
from course_utils.display import CLAIM


class LedgerError(SphinxError):
    """Claims or errata contradict each other."""

    category = "Ledger"


@dataclass(frozen=True)
class Place:
    """Where the book has an item of a lecture: the page, and the section's heading there."""

    item: str
    docname: str
    heading: str


@dataclass(frozen=True)
class Chapter:
    """What one chapter contributes to the ledgers."""

    docname: str
    title: str
    claims: tuple[dict[str, Any], ...]
    errata: tuple[Erratum, ...]
    places: tuple[Place, ...] = ()


_chapters: WeakKeyDictionary[Sphinx, list[Chapter]] = WeakKeyDictionary()


def claims_of(notebook: NotebookNode) -> list[dict[str, Any]]:
    """The claims that an executed notebook has published, in order."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [dict(output.data[CLAIM]) for output in outputs if CLAIM in output.get("data", {})]


def read_chapter(docname: str, text: str, notebook: NotebookNode, extensions: Any) -> Chapter:
    """Title, errata and lecture items from the source of a chapter, claims from its outputs."""
    title, section, errata, places = "", "", list[Erratum](), list[Place]()
    for _, block, heading, line in walk(text, tuple(extensions)):
        title, section = title or heading, heading or section
        try:
            if block is not None and block.name == "errata":
                errata += parse_errata(block.body)
            if block is not None and block.name == "lecture":
                places += [Place(i, docname, section) for i in parse_items(block.argument)]
        except ValueError as error:
            raise LedgerError(f"{docname}.md:{line + 1}: {error}") from None
    claims = tuple(claims_of(notebook))
    return Chapter(docname, title or docname, claims, tuple(errata), tuple(places))


def problems(chapters: list[Chapter]) -> Iterator[str]:
    """What is wrong with the claims and errata of the book, one sentence each."""
    for kind, pairs in (
        ("claim", [(claim["id"], c.docname) for c in chapters for claim in c.claims]),
        ("erratum", [(erratum.id, c.docname) for c in chapters for erratum in c.errata]),
    ):
        for id, count in Counter(id for id, _ in pairs).items():
            if count > 1:
                where = ", ".join(docname for other, docname in pairs if other == id)
                yield f"the {kind} {id} is there {count} times: {where}"
    for chapter in chapters:
        known = {claim["id"] for claim in chapter.claims}
        for erratum in chapter.errata:
            if erratum.claim not in known:
                where = f"{chapter.docname}: {erratum.id}"
                yield f"{where} needs the claim {erratum.claim}, which no cell makes"
        for item, count in Counter(place.item for place in chapter.places).items():
            if count > 1:
                yield f"{chapter.docname}: the lecture item {item} is there {count} times"


def in_toc_order(env: BuildEnvironment, notebooks: Mapping[str, NotebookNode]) -> list[str]:
    """Page names in the order of the table of contents."""
    order = list(getattr(env, "external_site_map", ()))
    return sorted(
        notebooks,
        key=lambda name: (name not in order, order.index(name) if name in order else 0, name),
    )


def collect(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Read the ledgers' contents, after execution and before pages are read; fail on problems."""
    notebooks = executed_notebooks(app)
    chapters = [
        read_chapter(
            name,
            page_text(Path(env.doc2path(name)), Path(app.srcdir)),
            notebooks[name],
            app.config.myst_enable_extensions,
        )
        for name in in_toc_order(env, notebooks)
    ]
    if found := list(problems(chapters)):
        raise LedgerError("\n".join(found))
    _chapters[app] = chapters


def label_claims(app: Sphinx, env: BuildEnvironment) -> None:
    """Make `claim-ID` a label, so that any page can refer to any claim."""
    labels = env.get_domain("std").data["anonlabels"]
    for stale in [label for label in labels if label.startswith("claim-")]:
        del labels[stale]
    for chapter in _chapters[app]:
        for claim in chapter.claims:
            labels[f"claim-{claim['id']}"] = chapter.docname, f"claim-{claim['id']}"


def chapters_of(app: Sphinx) -> list[Chapter]:
    """All chapters in the order of the table of contents; there before pages are read."""
    return _chapters[app]
