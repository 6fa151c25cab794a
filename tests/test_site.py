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
from playwright.sync_api import Page
from site_browser import Browser

from book.assigned import paths
from grading import leaks
from grading.assignments import load

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


@pytest.mark.parametrize("sheet", paths(ROOT), ids=lambda path: path.stem)
def test_no_hidden_test_and_no_withheld_solution_can_be_read(sheet: Path) -> None:
    assignment = load(sheet.stem, ROOT)
    secrets = list(leaks.hidden_tests(assignment))
    if assignment.sheet.solutions == "withheld":
        secrets += leaks.solutions(assignment)
    assert leaks.leaks(secrets, leaks.site_files(ROOT), ROOT) == []


@pytest.fixture(scope="module")
def icons() -> set[int]:
    """Code points in the cut icon fonts."""
    fonts = (SITE / "_static/vendor/fontawesome/webfonts").glob("*.woff2")
    have = {code for font in fonts for code in TTFont(font).getBestCmap()}
    assert 0xF185 in have  # the sun of the theme switch
    assert len(have) < 100, "the fonts are whole: nothing is tested"
    return have


@pytest.mark.parametrize("page", PAGES)
def test_browser(browser: Browser, icons: set[int], page: str) -> None:
    def look(opened: Page) -> list[str]:
        return [*too_heavy(browser.loaded()), *empty_boxes(opened, icons)]

    assert site_browser.browser_problems(browser, page, look) == []


def too_heavy(paths: set[str]) -> list[str]:
    """All that a page loads, figures apart, as a server would send it."""
    files = [checks.file_of(SITE, path) for path in paths if "/_images/" not in path]
    sizes = {str(file): len(gzip.compress(file.read_bytes())) for file in files}
    if (total := sum(sizes.values())) < KILOBYTES * 1024:
        return []
    return [f"{total} bytes: {sorted(sizes.items(), key=lambda item: -item[1])}"]


def empty_boxes(page: Page, icons: set[int]) -> list[str]:
    """What the browser draws before and after elements in an icon font that lacks it."""
    drawn = set(page.evaluate(ICONS))
    assert drawn, "no icon at all on a page: nothing is tested"
    return [f"an empty box: {code:#x}" for code in drawn - icons]


def test_it_is_dark_from_the_start(browser: Browser) -> None:
    page = browser.open("chapters/index.html", "dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


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
