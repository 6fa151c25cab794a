"""The directives `lecture` (marks what a lecture has, in a chapter) and `coverage-ledger`."""

from __future__ import annotations

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book.lecture_items import LECTURES, Item, lecture_items, parse_items
from book.ledger_data import Place
from book.ledger_nodes import LedgerDirective, table

HEAD = ["Item", "Kind", "The lecture has", "Where it is in the book"]


class LectureDirective(SphinxDirective):
    """An anchor without text for each item; the argument names them: `S0.19 S1.3`."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Build the anchors; errors carry page and line."""
        try:
            items = parse_items(self.arguments[0])
        except ValueError as error:
            raise self.error(str(error)) from None
        # Not a `target`: Sphinx moves its ids into what follows, and an equation then scrolls.
        return [nodes.container(ids=[anchor(item) for item in items], classes=["lecture-items"])]


class CoverageLedger(LedgerDirective):
    """A table for each lecture: its items, with links to the places that have them."""

    def run(self) -> list[nodes.Node]:
        """Build the page from the marks in all chapters."""
        places: dict[str, list[Place]] = {}
        for chapter in self.chapters():
            for place in chapter.places:
                places.setdefault(place.item, []).append(place)
        items = lecture_items().values()
        text = f"Items: {len(items)}. With a place in the book: {len(places)}."
        found: list[nodes.Node] = [nodes.paragraph("", text, classes=["ledger-total"])]
        for lecture, title in LECTURES.items():
            rows = [self._row(i, places.get(i.item, [])) for i in items if i.lecture == lecture]
            name = f"lecture-{lecture.lower()}"
            section = nodes.section("", nodes.title(title, title), ids=[name], names=[name])
            section += table(HEAD, rows, "coverage")
            found.append(section)
        return found

    def _row(self, item: Item, places: list[Place]) -> list[list[nodes.Node]]:
        links = nodes.paragraph()
        for place in places:
            links += [nodes.Text("; ")] if len(links) else []
            links += self._link(place)
        texts = (item.item, item.kind, item.content)
        return [*(self._text(text) for text in texts), [links]]

    def _text(self, text: str) -> list[nodes.Node]:
        return [nodes.paragraph(text, text)]

    def _link(self, place: Place) -> nodes.reference:
        # Not a `pending_xref`: Sphinx would make plain text of formulas in the heading.
        page = self.env.app.builder.get_relative_uri(self.env.docname, place.docname)
        title = self.markdown(place.heading)[0].children
        return nodes.reference("", "", *title, internal=True, refuri=f"{page}#{anchor(place.item)}")


def anchor(item: str) -> str:
    """The id of an item's place on a page."""
    return f"item-{item.lower().replace('.', '-')}"
