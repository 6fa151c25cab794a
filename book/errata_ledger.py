"""The directives `errata` (slips of the lectures, in a chapter) and `errata-ledger` (all)."""

from __future__ import annotations

import re

from docutils import nodes

from book.errata_text import Erratum, parse_errata
from book.ledger_nodes import LedgerDirective, claim_link, table

HEAD = ["Id", "The slide says", "What is right", "Shown by"]


class ErrataDirective(LedgerDirective):
    """A table of errata; the body is YAML, see `errata_text`."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Build the table; errors carry page and line."""
        try:
            errata = parse_errata("\n".join(self.content))
        except ValueError as error:
            raise self.error(str(error)) from None
        return [table(HEAD, [self.row(erratum) for erratum in errata], "errata")]

    def row(self, erratum: Erratum) -> list[list[nodes.Node]]:
        """Cells of one erratum."""
        return [
            [nodes.paragraph(erratum.id, erratum.id, ids=[erratum.id.lower()])],
            self.markdown(erratum.says),
            self.markdown(erratum.right),
            [claim_link(self.env, erratum.claim)],
        ]


class ErrataLedger(ErrataDirective):
    """All errata of the book, sorted by id."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        """Build the page from the errata of all chapters."""
        chapters = self.chapters()
        errata = sorted((e for c in chapters for e in c.errata), key=_order)
        chapter_count = sum(bool(chapter.errata) for chapter in chapters)
        text = f"Errata shown: {len(errata)}, in {chapter_count} of {len(chapters)} chapters."
        total = nodes.paragraph("", text, classes=["ledger-total"])
        return [total, table(HEAD, [self.row(e) for e in errata], "errata")] if errata else [total]


def _order(erratum: Erratum) -> list[tuple[int, str]]:
    """ERR2 before ERR10."""
    parts = re.findall(r"\d+|\D+", erratum.id)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
