"""What both ledgers are made of: Markdown in cells, links to claims, tables."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import pending_xref
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from book.execution import reread_with_notebooks
from book.ledger_data import Chapter, chapters_of


class LedgerDirective(SphinxDirective):
    """A directive that shows claims or errata as tables."""

    def chapters(self) -> list[Chapter]:
        """All chapters; the page is read again whenever one of them changes."""
        reread_with_notebooks(self.env)
        return chapters_of(self.env.app)

    def markdown(self, text: str) -> list[nodes.Node]:
        """Blocks of MyST, here."""
        holder = nodes.Element()
        source = self.get_source_info()[0]
        self.state.nested_parse(StringList([text], source), self.content_offset, holder)
        return list(holder.children)

    def section(self, chapter: Chapter, prefix: str) -> nodes.section:
        """A section named like the chapter."""
        name = f"{prefix}-{re.sub(r'[^a-z0-9]+', '-', chapter.docname.lower()).strip('-')}"
        paragraph = self.markdown(chapter.title)[0]
        return nodes.section("", nodes.title("", "", *paragraph.children), ids=[name], names=[name])


def claim_link(env: BuildEnvironment, id: str) -> nodes.paragraph:
    """A link to the cell that makes the claim."""
    link = pending_xref(
        "",
        nodes.literal("", id),
        refdomain="std",
        reftype="ref",
        reftarget=f"claim-{id}",
        refexplicit=True,
        refwarn=True,
        refdoc=env.docname,
    )
    return nodes.paragraph("", "", link)


def table(head: list[str], rows: list[list[list[nodes.Node]]], name: str) -> nodes.table:
    """A table with a head; the theme lets it scroll by itself where the page is narrow."""
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    titles = [nodes.entry("", nodes.paragraph(text, text)) for text in head]
    group += nodes.thead("", nodes.row("", *titles))
    body = nodes.tbody()
    for cells in rows:
        body += nodes.row("", *(nodes.entry("", *cell) for cell in cells))
    group += body
    return nodes.table("", group, classes=["ledger", name])
