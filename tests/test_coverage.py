"""Nothing that the lectures have is missing in the book, nor any of their slips."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from book.lecture_items import lecture_items, parse_items

CHAPTERS = {
    path.stem: path.read_text(encoding="utf8")
    for path in sorted((Path(__file__).parents[1] / "chapters").glob("*.md"))
}
MARK = re.compile(r"^`{3,}\{lecture\} (.+)$", re.M)
ROW = re.compile(r"^(ERR\d+):$", re.M)
ERRATA = [f"ERR{number:03}" for number in range(1, 125)]


def marked(text: str) -> list[str]:
    return [item for argument in MARK.findall(text) for item in parse_items(argument)]


def test_every_item_of_the_lectures_has_a_place() -> None:
    items = lecture_items()
    assert len(items) == 330
    placed = {item for text in CHAPTERS.values() for item in marked(text)}
    assert sorted(items.keys() - placed) == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_an_item_has_one_place_on_a_page(chapter: str) -> None:
    items = marked(CHAPTERS[chapter])
    assert sorted(item for item in set(items) if items.count(item) > 1) == []


def test_every_slip_is_corrected_in_one_chapter() -> None:
    rows = [row for text in CHAPTERS.values() for row in ROW.findall(text)]
    assert sorted(rows) == ERRATA
