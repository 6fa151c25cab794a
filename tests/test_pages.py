"""What the build makes of formulas, docstrings and HTML."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from minibook import ROOT
from sphinxcontrib.katex import katex_version

from book.docstrings import to_rst
from book.icons import FONTS, THEME, cut
from book.katex import FormulaError, Renderer
from book.site import offer_notebooks, slim

# Formulas


@pytest.fixture
def renderer(monkeypatch: pytest.MonkeyPatch) -> Renderer:
    monkeypatch.setenv("PATH", "")  # no Node.js of the system
    return Renderer()


def test_formulas_need_no_installed_node(renderer: Renderer) -> None:
    html = renderer.render(r"\E[x] \in \R")
    assert 'class="katex"' in html
    assert "<math" in html  # for screen readers
    assert "katex-display" not in html
    assert "katex-display" in renderer.render("x", display=True)
    renderer.close()


def test_a_wrong_formula_is_named_and_the_next_one_drawn(renderer: Renderer) -> None:
    with pytest.raises(FormulaError, match=r"Undefined control sequence: \\nowhere"):
        renderer.render(r"\nowhere")
    assert "katex" in renderer.render("é \\text{±}\n + 1")
    renderer.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_node_ends_with_the_build(number: int) -> None:
    script = (
        f"import sys, time; sys.path.insert(0, r'{ROOT}')\n"
        "from book.katex import Renderer\n"
        "renderer = Renderer(); renderer.render('x')\n"
        "print(renderer._process.pid, flush=True); time.sleep(100)\n"
    )
    build = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert build.stdout is not None
    node = Path("/proc") / build.stdout.readline().strip()
    build.send_signal(number)
    build.wait(10)
    deadline = time.monotonic() + 10
    while node.exists() and node.joinpath("stat").read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "Node.js is still running"
        time.sleep(0.05)


def test_style_sheet_and_renderer_are_of_one_version() -> None:
    folder = ROOT / "book" / "static" / "katex"
    style = (folder / "katex.min.css").read_text()
    assert f'"{katex_version}"' in style
    fonts = {f"fonts/{path.name}" for path in folder.glob("fonts/*")}
    assert {part.split(")")[0] for part in style.split("url(")[1:]} == fonts


# Docstrings


@pytest.mark.parametrize(
    ("text", "rst"),
    [
        ("`a|b` and |B|", r"``a|b`` and \|B\|"),
        ("``{x}`y` ``", "``{x}`y```"),
        (r"$\bar x |B|$ of `$y$`", r":math:`\bar x |B|` of ``$y$``"),
        ("*yes* and 2 * 3", r"*yes* and 2 \* 3"),
        ("from $5 to $6 each", "from $5 to $6 each"),
    ],
)
def test_docstrings_are_read_as_written(text: str, rst: str) -> None:
    assert to_rst(text) == rst


# Pages

PAGE = """<html><head>
<script src="_static/documentation_options.js"></script>
<script src="_static/doctools.js"></script>
<script src="_static/scripts/fontawesome.js?digest=1"></script>
<script>const THEBE_JS_URL = "https://unpkg.com/thebe"</script>
<script>let inline = 1;</script>
</head><body>
<div class="sidebar-primary-item">
<a class="navbar-brand logo" href="#">Title</a></div>
<section id="exercise-content"><p>One</p></section><section id="exercise-content"></section>
<div role="list"><div class="citation" id="id6" role="doc-biblioentry"></div></div>
<summary aria-label="Toggle hidden content">Show</summary>
<script src="plot.js"></script></body></html>"""


def test_slim_pages() -> None:
    page = slim(PAGE)
    assert slim(page) == page
    assert "fontawesome" not in page
    assert "unpkg" not in page
    assert '<script src="_static/documentation_options.js">' in page  # inline scripts need it
    assert '<script defer src="_static/doctools.js">' in page
    assert '<script src="plot.js">' in page  # an output keeps its order
    assert page.count('id="exercise-content"') == 0
    assert page.count("<section") == page.count("</section>") == 2
    assert 'role="listitem"' in page
    assert "Toggle hidden" not in page
    assert 'role="region" aria-label="Title">\n<a class="navbar-brand' in page


def test_the_download_is_the_notebook_of_the_project(tmp_path: Path) -> None:
    source, downloads = tmp_path / "source", tmp_path / "downloads"
    for folder in (source, downloads):
        (folder / "chapters").mkdir(parents=True)
    (source / "chapters" / "a.ipynb").write_text("ours")
    for name in ("a.ipynb", "b.ipynb"):
        (downloads / "chapters" / name).write_text("raw")
    offer_notebooks(source, downloads)
    assert (downloads / "chapters" / "a.ipynb").read_text() == "ours"
    assert (downloads / "chapters" / "b.ipynb").read_text() == "raw"


# Icons


def test_a_cut_font_has_the_icons_asked_for_and_their_drawings(tmp_path: Path) -> None:
    sun, moon = 0xF185, 0xF186
    cut(THEME / FONTS / "fa-solid-900.woff2", {sun}, tmp_path / "cut.woff2")
    whole, small = TTFont(THEME / FONTS / "fa-solid-900.woff2"), TTFont(tmp_path / "cut.woff2")
    assert sun in small.getBestCmap()
    assert moon in whole.getBestCmap()
    assert moon not in small.getBestCmap()
    drawings = [font["glyf"][font.getBestCmap()[sun]].coordinates for font in (whole, small)]
    assert drawings[0] == drawings[1]
    assert (tmp_path / "cut.woff2").stat().st_size < 2000
