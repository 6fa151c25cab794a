"""The built site, page by page in a real browser, without any other host."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
import site_browser
import site_checks as checks
from fontTools.ttLib import TTFont
from minibook import ROOT
from site_browser import Browser

SITE = ROOT / "_build" / "html"
PAGES = checks.pages_of(SITE) if SITE.is_dir() else []
KILOBYTES = 600
# Code points of all characters for private use that pseudo-elements of the page draw.
ICONS = """() => [...document.querySelectorAll('*')].flatMap(element =>
  ['::before', '::after'].flatMap(part =>
    [...getComputedStyle(element, part).content]
      .map(character => character.codePointAt(0))
      .filter(code => code >= 0xe000 && code <= 0xf8ff)))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    site_browser.require_browser()
    with site_browser.serve(SITE) as address, site_browser.open_browser(address) as opened:
        yield opened


def test_there_is_a_site() -> None:
    assert PAGES, "nothing was built: run `make book`"
    assert "chapters/index.html" in PAGES


@pytest.mark.parametrize("page", PAGES)
def test_text(page: str) -> None:
    assert checks.text_problems(SITE / page) == []


def test_links_and_anchors() -> None:
    assert checks.broken_links(SITE) == []


@pytest.mark.parametrize("page", PAGES)
def test_browser(browser: Browser, page: str) -> None:
    assert site_browser.browser_problems(browser, page) == []


@pytest.mark.parametrize("page", PAGES)
def test_weight(browser: Browser, page: str) -> None:
    """All that a page loads, figures apart, as a server would send it."""
    files = {path for path in browser.loaded(page) if "/_images/" not in path}
    sizes = {path: len(gzip.compress(checks.file_of(SITE, path).read_bytes())) for path in files}
    assert sum(sizes.values()) < KILOBYTES * 1024, sorted(sizes.items(), key=lambda item: -item[1])


def test_no_icon_is_an_empty_box(browser: Browser) -> None:
    """What the browser draws before and after elements in the icon font is in the cut fonts."""
    fonts = (SITE / "_static/vendor/fontawesome/webfonts").glob("*.woff2")
    have = {code for font in fonts for code in TTFont(font).getBestCmap()}
    assert len(have) < 100, "the fonts are whole: nothing is tested"
    drawn = set()
    for page in PAGES:
        drawn |= set(browser.open(page).evaluate(ICONS))
    assert 0xF185 in drawn  # the sun of the theme switch
    assert sorted(map(hex, drawn - have)) == []


def test_skip_link(browser: Browser) -> None:
    page = browser.open("chapters/index.html")
    page.keyboard.press("Tab")
    assert "skip" in page.evaluate("document.activeElement.textContent").lower()
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main-content"


def test_search_finds(browser: Browser) -> None:
    page = browser.open("chapters/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("vocabulary")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?**")
    page.wait_for_selector("#search-results li a")
    assert "sst2_bow" in page.inner_html("#search-results")


def test_closed_boxes_open_with_the_keyboard(browser: Browser) -> None:
    pages = [
        page
        for page in PAGES
        if "admonition dropdown" in _text(page) or "solution dropdown" in _text(page)
    ]
    assert pages, "no page has an exercise with a closed solution"
    page = browser.open(pages[0])
    button = page.locator("button.toggle-button").first
    button.wait_for()
    assert button.get_attribute("aria-expanded") == "false"
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator(".admonition.toggle section").first.is_visible()


def test_quiz_answers_without_a_script(browser: Browser) -> None:
    pages = [page for page in PAGES if 'class="quiz"' in _text(page)]
    assert pages, "no page has a quiz"
    page = browser.open(pages[0])
    feedback = page.locator("fieldset.quiz .quiz-feedback").first
    assert not feedback.is_visible()
    page.locator("fieldset.quiz input").first.focus()
    page.keyboard.press("Space")
    assert feedback.is_visible()


def test_chapters_can_be_opened_elsewhere() -> None:
    chapters = [page for page in PAGES if (ROOT / page).with_suffix(".ipynb").exists()]
    assert chapters
    for page in chapters:
        name = Path(page).with_suffix(".ipynb")
        text = _text(page)
        address = checks.repository(ROOT).removeprefix("https://github.com/")
        assert f"https://colab.research.google.com/github/{address}/blob/main/{name}" in text
        assert (SITE / "_sources" / name).read_bytes() == (ROOT / name).read_bytes()


def test_downloads_hold_only_what_the_book_shows() -> None:
    sources = {path.relative_to(SITE / "_sources") for path in SITE.rglob("_sources/**/*.*")}
    assert {path.suffix for path in sources} <= {".md", ".ipynb"}
    assert {path.parts[0] for path in sources} == {"chapters"}


def _text(page: str) -> str:
    return (SITE / page).read_text(encoding="utf8")
