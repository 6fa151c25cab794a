"""Plotly figures on the site: from `figure.show()` in a cell to a view that keys turn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import site_browser
from accessibility import accessibility_problems
from bs4 import BeautifulSoup
from minibook import MiniBook, cell
from playwright.sync_api import Page
from site_browser import Browser
from tiny_notebooks import cpu_offline, notebook, project

from book import plotly
from book.cache import OutputCache, kernel_environment
from book.kernels import Job, execute

__all__ = ["cpu_offline", "project"]  # fixtures

IMPORT = "import plotly.graph_objects as go\n"
ALT = 'A wave with "three" <hills>.'
WAVE = f"""\
z = [[0, 1, 0], [1, 0, 1], [0, 1, 2]]
wave = go.Figure([go.Surface(z=z), go.Surface(z=z, scene="scene2")])
wave.update_layout(meta={{"alt": {ALT!r}}}, title="</script>" + 3 * "ha")
wave.update_layout(scene={{"domain": {{"x": [0, 0.5]}}}}, scene2={{"domain": {{"x": [0.5, 1]}}}})
wave.show()"""
EYE = "document.querySelector('.plotly-view')._fullLayout.scene.camera.eye"
LINE = """\
line = go.Figure(go.Scatter(x=[1, 2], y=[2, 1])).update_layout(meta={"alt": "A line."})
line.show()"""


# The figure


def test_the_template_of_plotly_is_left_out() -> None:
    figure = {"data": [{"type": "scatter"}], "layout": {"template": {"a": 1}, "height": 300}}
    kept = json.loads(plotly._json({**figure, "config": {"plotlyServerURL": "https://a.b"}}))
    assert kept == {"data": [{"type": "scatter"}], "layout": {"height": 300}, "frames": []}


def test_no_text_ends_the_script() -> None:
    written = plotly._json({"layout": {"title": "</script><!--"}})
    assert "<" not in written
    assert json.loads(written)["layout"]["title"] == "</script><!--"


@pytest.mark.parametrize("meta", [None, "words", {}, {"alt": " "}])
def test_what_is_no_alternative_text(meta: object) -> None:
    assert plotly._alt({"layout": {"meta": meta}}) == ""


def test_alternative_text_is_one_line() -> None:
    assert plotly._alt({"layout": {"meta": {"alt": " one\n  two "}}}) == "one two"


# The build


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> MiniBook:
    cells = "\n".join([cell(IMPORT + WAVE), cell(LINE)])
    built = MiniBook.create(
        tmp_path_factory.mktemp("plotly") / "book",
        index=f"# Page\n\nText.\n\n{cells}\n",
        other="# Other\n\nText.\n",
    )
    assert built.build() == 0, built.log
    return built


def test_a_page_holds_figures_and_no_library(book: MiniBook) -> None:
    soup: Any = BeautifulSoup(book.page("index"), "html.parser")
    wave, line = soup.select(".course-plotly")
    assert wave.select_one(".plotly-view")["aria-label"] == ALT
    assert line.select_one(".plotly-view")["aria-label"] == "A line."
    figure = json.loads(wave.select_one("script").string)
    assert figure["data"][0]["type"] == "surface"
    assert figure["layout"]["title"] == {"text": "</script>hahaha"}
    assert "figure above" in wave.select_one(".plotly-off").get_text()
    assert wave["data-library"] == "../_static/plotly.min.js"
    assert "plotly.min.js" not in {script.get("src") for script in soup.select("script")}
    assert len(book.page("index")) < 60_000


def test_the_library_is_that_of_the_lock(book: MiniBook) -> None:
    copied = book.root / "_build/html/_static/plotly.min.js"
    assert copied.read_bytes() == plotly._library().read_bytes()


def test_other_pages_load_nothing_of_it(book: MiniBook) -> None:
    assert "plotly" not in book.page("other")


def test_the_search_does_not_read_figures(book: MiniBook) -> None:
    index = (book.root / "_build/html/searchindex.js").read_text(encoding="utf8")
    assert "hill" in index  # a word of the cell
    assert "hahaha" not in index


def test_a_figure_without_words_fails(tmp_path: Path) -> None:
    words = cell(IMPORT + "go.Figure(go.Scatter(y=[1])).show()")
    faulty = MiniBook.create(tmp_path / "book", index=f"# Page\n\n{cell('1')}\n\n{words}\n")
    assert faulty.build() != 0
    assert "figure without alternative text in cell 2" in faulty.log
    assert "update_layout(meta=" in faulty.log


# Notebooks


@pytest.mark.usefixtures("cpu_offline")
def test_outputs_repeat(project: Path) -> None:
    """What a kernel writes is the figure alone, and nbval takes it for equal the second time."""
    figure = "import numpy\n" + IMPORT + "go.Figure(go.Surface(z=numpy.eye(9) / 3)).show()"
    job = Job("page", project / "page.md", notebook(figure))
    execute([job], OutputCache(project).open(), 60, print)
    assert job.error == ""
    (output,) = job.notebook.cells[0].outputs
    assert list(output.data) == [plotly.MIME]
    nbformat.write(job.notebook, project / "page.ipynb")
    for option in ("--nbval-lax", "--nbval"):
        assert _nbval(project, option) == 0
    job.notebook.cells[0].outputs[0].data[plotly.MIME]["data"][0]["z"]["bdata"] = "AAAA"
    nbformat.write(job.notebook, project / "page.ipynb")
    assert _nbval(project, "--nbval") == 1


def _nbval(folder: Path, option: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", option]
    done = subprocess.run([*command, "page.ipynb"], cwd=folder, env=kernel_environment())
    return done.returncode


# The view


@pytest.fixture(scope="module")
def browser(book: MiniBook) -> Iterator[Browser]:
    site_browser.require_browser()
    site = book.root / "_build" / "html"
    with site_browser.serve(site) as address, site_browser.open_browser(address) as opened:
        yield opened


def drawn(browser: Browser, scheme: str = "light", size: dict[str, int] | None = None) -> Page:
    """The page with both figures drawn."""
    page = browser.open("chapters/index.html", scheme, size)
    page.get_by_role("button", name="Load the interactive view").first.click()
    page.wait_for_function("document.querySelectorAll('.main-svg').length >= 2")
    page.locator(".course-plotly").nth(1).locator(".main-svg").first.wait_for()
    page.locator(".plotly-offer").first.wait_for(state="detached")
    return page


def camera(page: Page) -> dict[str, float]:
    eye: dict[str, float] = page.evaluate(EYE)
    return eye


def paper(page: Page) -> str:
    color: str = page.evaluate("document.querySelector('.plotly-view')._fullLayout.font.color")
    return color


def problems(browser: Browser) -> list[str]:
    """Complaints of the browser but those of drivers about drawing without a graphics card."""
    own = ("GL Driver Message", "willReadFrequently")
    heard = [text for text in browser.complaints if not any(name in text for name in own)]
    return [*browser.elsewhere(), *heard]


# Drawing takes seconds: the next three share a page. Each later test opens one of its own.
@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return drawn(browser)


def test_keys_turn_and_zoom(page: Page) -> None:
    assert page.locator(".plotly-off").count() == 0
    view = page.get_by_role("application", name=ALT)
    assert view.evaluate("node => node === document.activeElement")
    assert page.get_by_text("arrow keys turn").is_visible()
    start = camera(page)

    def after(key: str) -> dict[str, float]:
        before = camera(page)
        page.keyboard.press(key)
        page.wait_for_function(f"x => {EYE}.x !== x", arg=before["x"])
        assert page.evaluate(EYE.replace("scene", "scene2")) == camera(page)
        return camera(page)

    def length(eye: dict[str, float]) -> float:
        return sum(value**2 for value in eye.values()) ** 0.5

    assert after("ArrowRight")["z"] == pytest.approx(start["z"])
    assert after("ArrowLeft") == pytest.approx(start)
    raised = after("ArrowUp")
    assert raised["z"] > start["z"]
    assert length(raised) == pytest.approx(length(start))
    assert after("ArrowDown") == pytest.approx(start)
    assert length(after("+")) < length(start)
    assert length(after("-")) == pytest.approx(length(start))
    after("-")
    assert after("0") == pytest.approx(start)


def test_a_flat_figure_is_a_picture_without_keys(page: Page) -> None:
    flat = page.locator(".course-plotly").nth(1)
    assert flat.locator(".plotly-view").get_attribute("tabindex") is None
    assert not flat.locator(".plotly-help").is_visible()


def test_colours_follow_the_theme(page: Page) -> None:
    light = paper(page)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(
        "light => document.querySelector('.plotly-view')._fullLayout.font.color !== light",
        arg=light,
    )
    assert paper(page) == page.evaluate("getComputedStyle(document.body).color")


def test_nothing_is_loaded_before_a_reader_asks(browser: Browser) -> None:
    page = browser.open("chapters/index.html")
    page.mouse.wheel(0, 4000)
    page.wait_for_timeout(200)
    assert not any("plotly.min.js" in url for url in browser.requests)
    assert page.get_by_text("1.5 MB from this site").first.is_visible()
    assert not page.locator(".plotly-view").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_one_press_draws_all_figures_of_the_page(browser: Browser, scheme: str) -> None:
    page = drawn(browser, scheme)
    assert page.locator(".plotly-view canvas").first.is_visible()
    assert page.get_by_role("application", name=ALT).is_visible()
    assert page.get_by_role("img", name="A line.").is_visible()
    assert page.get_by_role("button", name="Load the interactive view").count() == 0
    assert sum("plotly.min.js" in url for url in browser.requests) == 1
    assert page.locator(".plotly-view a").count() == 0
    assert problems(browser) == []
    assert accessibility_problems(page) == []


def test_a_phone_is_wide_enough(browser: Browser) -> None:
    page = drawn(browser, size=site_browser.PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= site_browser.PHONE["width"]
    # Two narrow scenes: both are seen whole from further away than where cameras stand by default.
    assert sum(value**2 for value in camera(page).values()) ** 0.5 > 1.5 * 2.33


def test_a_library_that_does_not_come_can_be_asked_for_again(browser: Browser) -> None:
    page = browser.open("chapters/index.html")
    page.route("**/plotly.min.js", lambda route: route.abort())
    button = page.get_by_role("button", name="Load the interactive view").first
    button.click()
    page.get_by_text("could not be loaded").wait_for()
    page.unroute("**/plotly.min.js")
    button.click()
    page.locator(".plotly-view canvas").first.wait_for()


def test_paper_and_pages_without_scripts_have_no_view(browser: Browser) -> None:
    page = browser.open("chapters/index.html")
    page.emulate_media(media="print")
    assert not page.locator(".course-plotly").first.is_visible()
    context = browser._browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(browser.address + "chapters/index.html")
    assert still.get_by_text("the figure above").first.is_visible()
    assert still.get_by_role("button", name="Load the interactive view").count() == 0
    context.close()
