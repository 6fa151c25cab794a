"""The `claims-ledger` directive: every claim of the book, from the executed notebooks."""

from __future__ import annotations

from typing import Any

from docutils import nodes

from book.ledger_data import Chapter
from book.ledger_nodes import LedgerDirective, claim_link, table

HEAD = ["Claim", "Estimate, 95 % interval", "Over", "Verdict", "Shown by"]


class ClaimsLedger(LedgerDirective):
    """Totals, then a table for each chapter that makes claims."""

    def run(self) -> list[nodes.Node]:
        """Build the page from the claims of all chapters."""
        chapters = [chapter for chapter in self.chapters() if chapter.claims]
        total = nodes.paragraph("", totals(chapters), classes=["ledger-total"])
        return [total, *(self._chapter(chapter) for chapter in chapters)]

    def _chapter(self, chapter: Chapter) -> nodes.section:
        section = self.section(chapter, "claims")
        section += table(HEAD, [self._row(claim) for claim in chapter.claims], "claims")
        return section

    def _row(self, claim: dict[str, Any]) -> list[list[nodes.Node]]:
        verdict = nodes.inline("", claim["verdict"], classes=[claim["verdict"].replace(" ", "-")])
        return [
            self.markdown(claim["text"]),
            [_text(evidence(claim))],
            [_text(over(claim))],
            [nodes.paragraph("", "", verdict)],
            [claim_link(self.env, claim["id"])],
        ]


def totals(chapters: list[Chapter]) -> str:
    """How many claims there are, and how many of each verdict."""
    verdicts = [claim["verdict"] for chapter in chapters for claim in chapter.claims]
    holds = verdicts.count("holds")
    return f"Claims: {len(verdicts)}. They hold: {holds}. Not evaluated: {len(verdicts) - holds}."


def evidence(claim: dict[str, Any]) -> str:
    """The estimate of a claim, or where it has none the numbers given as evidence."""
    numbers = "; ".join(
        f"{name.replace('_', ' ')}: {value}" for name, value in claim["evidence"].items()
    )
    return str(claim["estimate"] or numbers)


def over(claim: dict[str, Any]) -> str:
    """What the interval of the estimate is over, as "5 seeds"; "" without an estimate."""
    return f"{claim['n']} {claim['over']}" if claim["n"] else ""


def _text(text: str) -> nodes.paragraph:
    return nodes.paragraph(text, text)
