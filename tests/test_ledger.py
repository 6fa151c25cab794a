"""The ledgers of claims and errata: units, then a small book built with the real configuration."""

from __future__ import annotations

import nbformat
import pytest
from bs4 import BeautifulSoup
from minibook import MiniBook, cell

from book.claims_ledger import evidence, totals
from book.errata_ledger import _order
from book.errata_text import Erratum, parse_errata
from book.ledger_data import Chapter, LedgerError, Place, claims_of, problems, read_chapter

MIME = "application/vnd.course.claim+json"


def make_claim(id: str, verdict: str = "holds", **more: object) -> dict[str, object]:
    entry = {"id": id, "text": "T.", "verdict": verdict, "estimate": "", "n": None, "evidence": {}}
    return {**entry, **more}


def make_chapter(docname: str, claims: list[str], errata: dict[str, str]) -> Chapter:
    listed = tuple(Erratum(id, "says", "right", claim) for id, claim in errata.items())
    return Chapter(docname, docname, tuple(make_claim(id) for id in claims), listed)


def test_claims_are_read_from_outputs_of_their_mime_type_in_order():
    outputs = [
        nbformat.v4.new_output("stream", text="noise"),
        nbformat.v4.new_output("display_data", data={MIME: make_claim("b"), "text/plain": "."}),
        nbformat.v4.new_output("display_data", data={"text/plain": "no claim"}),
        nbformat.v4.new_output("display_data", data={MIME: make_claim("a")}),
    ]
    cells = [nbformat.v4.new_code_cell("1", outputs=outputs), nbformat.v4.new_markdown_cell("x")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    assert [claim["id"] for claim in claims_of(notebook)] == ["b", "a"]


def test_title_and_errata_are_read_from_the_source_but_not_from_its_code():
    text = (
        "# The *title*\n\n```{errata}\nERR1: {says: a, right: b, claim: c}\n```\n"
        "````markdown\n```{errata}\nERR2: {says: a, right: b, claim: c}\n```\n````\n"
    )
    chapter = read_chapter("page", text, nbformat.v4.new_notebook(), ["colon_fence"])
    assert (chapter.title, chapter.errata) == ("The *title*", (Erratum("ERR1", "a", "b", "c"),))


def test_no_problems_where_ids_are_unique_and_claims_exist():
    chapters = [make_chapter("x", ["a", "b"], {"ERR1": "a"}), make_chapter("y", ["c"], {})]
    assert list(problems(chapters)) == []


def test_items_are_read_with_their_sections():
    mark = "```{lecture} S0.19, S0.20\n```\n"
    text = f"# Title\n\n## First *one*\n\n{mark}\n## Second\n\n```{{lecture}} S4.7\n```\n"
    chapter = read_chapter("x", text, nbformat.v4.new_notebook(), ())
    assert chapter.places == (
        Place("S0.19", "x", "First *one*"),
        Place("S0.20", "x", "First *one*"),
        Place("S4.7", "x", "Second"),
    )
    assert list(problems([chapter])) == []
    twice = Chapter("y", "", (), (), (Place("S0.1", "y", "a"), Place("S0.1", "y", "b")))
    assert list(problems([twice])) == ["y: the lecture item S0.1 is there 2 times"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [("S9.1", "no lecture has the item 'S9.1'"), ("", "no lecture"), ("S0.1 S0.1", "given twice")],
)
def test_wrong_items_say_what_is_wrong(argument, message):
    text = f"# T\n\n```{{lecture}} {argument}\n```\n"
    with pytest.raises(LedgerError, match=f"x.md:3: .*{message}"):
        read_chapter("x", text, nbformat.v4.new_notebook(), ())


def test_problems_are_duplicates_and_errata_without_their_claim():
    chapters = [
        make_chapter("x", ["a", "b"], {"ERR1": "a", "ERR2": "c"}),
        make_chapter("y", ["a", "c"], {"ERR1": "c"}),
    ]
    assert list(problems(chapters)) == [
        "the claim a is there 2 times: x, y",
        "the erratum ERR1 is there 2 times: x, y",
        "x: ERR2 needs the claim c, which no cell makes",
    ]


def test_totals_and_evidence():
    claims = (make_claim("a"), make_claim("b", "not evaluated"), make_claim("c"))
    assert totals([Chapter("x", "", claims, ())]) == "Claims: 3. They hold: 2. Not evaluated: 1."
    assert evidence(make_claim("a", estimate="0.5 ± 0.1", evidence={"k": "1"})) == "0.5 ± 0.1"
    assert (
        evidence(make_claim("a", evidence={"test_error": "1", "m": "2"})) == "test error: 1; m: 2"
    )


def test_errata_are_sorted_by_number():
    errata = [Erratum(id, "", "", "") for id in ("ERR10", "ERR2", "ABC3")]
    assert [e.id for e in sorted(errata, key=_order)] == ["ABC3", "ERR2", "ERR10"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("ERR1: {says: a, right: b}", "ERR1 must have says, right, claim, got"),
        ("ERR1: {says: a, right: b, claim: c, more: d}", "ERR1 must have says, right, claim, got"),
        ("ERR1: text", "ERR1 must have"),
        ("- a list", "must map an id"),
        ("", "must map an id"),
        ("a: [", "must be YAML"),
        ("A: {says: a, right: b, claim: c}\nA: {says: a, right: b, claim: c}", "A is given twice"),
        (r'A: {says: "$\nabla$", right: b, claim: c}', "A: put LaTeX into single quotes"),
    ],
)
def test_wrong_errata_say_what_is_wrong(body, message):
    with pytest.raises(ValueError, match=message):
        parse_errata(body)


def test_quotes_that_change_nothing_are_allowed():
    (erratum,) = parse_errata(r"""A: {says: '$\nabla$', right: "$\\nabla$", claim: c}""")
    assert erratum.says == erratum.right == r"$\nabla$"


INDEX = "# Index\n"
CLAIMS = "# Claims\n\n```{claims-ledger}\n```\n"
ERRATA = "# Errata\n\n```{errata-ledger}\n```\n"
CODE = """from course_utils.claims import claim
from course_utils.stats import Estimate
claim("one-holds", "One is $1$, **said** {}.", holds=True, estimate=Estimate(0.5, 0.4, 0.6, 7))
claim("two-open", "Two `x`.", holds=True, when=False, accuracy=0.25)"""
TABLE = """
```{errata}
ERR10: {says: "slide $a|b$", right: 'it is *that*', claim: one-holds}
ERR2: {says: "old", right: "new", claim: two-open}
```
"""

PART = """
## A *part* with $x$

```{lecture} S0.2 S4.7
```
Text.
"""


def chapter_text(note: str = "", word: str = "once") -> str:
    return f"# The chapter `x`\n\n{note}\n\n" + cell(CODE.format(word)) + TABLE + PART


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> MiniBook:
    """A book whose ledgers sort before and after its chapter."""
    made = MiniBook.create(
        tmp_path_factory.mktemp("book"),
        index=INDEX,
        aclaims=CLAIMS,
        chapter=chapter_text(),
        coverage="# Coverage\n\n```{coverage-ledger}\n```\n",
        errata=ERRATA + "\nSee {ref}`a claim <claim-one-holds>`.\n",
    )
    assert made.build() == 0, made.log
    return made


def rows(book: MiniBook, page: str) -> list[list[str]]:
    table = BeautifulSoup(book.page(page), "html.parser").select_one("table.ledger")
    return [[" ".join(x.text.split()) for x in row.select("th, td")] for row in table.select("tr")]


def test_the_claims_ledger_shows_every_claim_with_a_link_to_its_cell(book):
    page = BeautifulSoup(book.page("aclaims"), "html.parser")
    assert page.select_one(".ledger-total").text == "Claims: 2. They hold: 1. Not evaluated: 1."
    head, first, second = rows(book, "aclaims")
    assert head == ["Claim", "Estimate, 95 % interval", "Over", "Verdict", "Shown by"]
    assert first[1:] == ["0.50 ± 0.10", "7 seeds", "holds", "one-holds"]
    assert second == ["Two x.", "accuracy: 0.25", "", "not evaluated", "two-open"]
    links = [link["href"] for link in page.select("table.ledger a")]
    assert links == ["chapter.html#claim-one-holds", "chapter.html#claim-two-open"]
    assert page.select_one("table.ledger .katex")
    assert page.select_one("table.ledger td strong").text == "said"
    assert page.select_one("section section h2").text.startswith("The chapter x")
    target = BeautifulSoup(book.page("chapter"), "html.parser")
    assert target.select("#claim-one-holds")


def test_the_errata_ledger_is_sorted_and_links_to_the_cells(book):
    page = BeautifulSoup(book.page("errata"), "html.parser")
    assert page.select_one(".ledger-total").text == "Errata shown: 2, in 1 of 1 chapters."
    assert [row[0] for row in rows(book, "errata")] == ["Id", "ERR2", "ERR10"]
    assert page.select("table.ledger a")[0]["href"] == "chapter.html#claim-two-open"
    assert page.select_one("table.ledger em").text == "that"
    links = page.select('a[href="chapter.html#claim-one-holds"]')
    assert [link.text for link in links] == ["one-holds", "a claim"]


def test_the_chapter_shows_its_errata_with_links_within_the_page(book):
    assert rows(book, "chapter")[1] == rows(book, "errata")[2]
    page = BeautifulSoup(book.page("chapter"), "html.parser")
    assert page.select("table.ledger a")[0]["href"] == "#claim-one-holds"


def test_the_coverage_ledger_links_every_item_to_its_place(book):
    page = BeautifulSoup(book.page("coverage"), "html.parser")
    total = page.select_one(".ledger-total").text
    assert total == "Items: 330. With a place in the book: 2."
    assert len(page.select("table.coverage")) == 5
    assert len(page.select("table.coverage tbody tr")) == 330
    links = page.select("table.coverage a")
    anchors = ["item-s0-2", "item-s4-7"]
    assert [link["href"] for link in links] == [f"chapter.html#{anchor}" for anchor in anchors]
    assert links[0].text.startswith("A part with")
    assert links[0].select_one("em")
    assert links[0].select_one(".katex")
    target = BeautifulSoup(book.page("chapter"), "html.parser")
    for anchor in anchors:
        assert target.find(id=anchor).find_parent("section")["id"] == "a-part-with-x"


def test_ledgers_follow_the_chapter_without_running_more_than_it(book):
    book.write("chapter", chapter_text("New prose.").replace("slide $a|b$", "changed"))
    assert book.build() == 0, book.log
    assert book.executed == 0
    assert rows(book, "errata")[2][1] == "changed"
    book.write("chapter", chapter_text(word="twice"))
    assert book.build() == 0, book.log
    assert book.executed == 1
    assert rows(book, "aclaims")[1][0].endswith("said twice.")


def test_an_erratum_without_its_claim_stops_the_build(tmp_path):
    text = "# Chapter\n" + cell("1") + TABLE
    book = MiniBook.create(tmp_path, index=INDEX, chapter=text)
    assert book.build() != 0
    assert "chapters/chapter: ERR10 needs the claim one-holds, which no cell makes" in book.log
