"""The checks of the site, on pages of plain HTML that are broken in one way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import site_browser
import site_checks

PAGE = """<!doctype html><html lang="en" data-theme="light"><head><title>Page</title></head>
<body><main><h1>Page</h1>{}</main><script>
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => {{ document.documentElement.dataset.theme = dark.matches ? "dark" : "light" }};
follow(); dark.onchange = follow</script></body></html>"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[site_browser.Browser]:
    site_browser.require_browser()
    folder = tmp_path_factory.mktemp("pages")
    with site_browser.serve(folder) as address, site_browser.open_browser(address) as opened:
        opened.folder = folder  # type: ignore[attr-defined]
        yield opened


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<p>Fine.</p>", ""),
        ('<img alt="a" src="https://example.org/a.png">', "request to another host: https://exam"),
        ('<script src="https://example.org/a.js"></script>', "request to another host"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "request to another host"),
        ("<script>console.error('oh')</script>", "console error: oh"),
        ("<script>undefinedFunction()</script>", "undefinedFunction is not defined"),
        ("<script>console.warn('hm')</script>", "console warning: hm"),
        ('<p style="color:#ccc;background:#fff">Pale.</p>', "light: color-contrast"),
        (
            "<style>[data-theme=dark] p {color: #333; background: #222}</style><p>Dim.</p>",
            "dark: color",
        ),
        # words of code are thinned out, one of each kind and place is left
        (
            "<style>.a {color: #ccc}</style><pre>"
            "<span>one</span><span class=a>two</span><span class=a>three</span></pre>",
            'light: color-contrast: <span class="a">two',
        ),
        (
            "<style>.note .a {color: #ccc}</style><pre><span class=a>one</span></pre>"
            "<div class=note><pre><span class=a>two</span></pre></div>",
            'light: color-contrast: <span class="a">two',
        ),
        ('<pre><span>one</span><span style="color: #ccc">two</span></pre>', "light: color"),
        ("<button></button>", "light: button-name"),
        (
            "<style>[data-theme=light] b {display: none}</style><b aria-x=y>a</b>",
            "dark: aria-valid-attr: <b",
        ),
        # of the elements that look the same on the same ground, three are tried
        (
            "<p>aa</p><p>bb</p><p>cc</p><p>dd</p><div style='background: #555'><p>pale</p></div>",
            "light: color-contrast: <p>pale",
        ),
        (
            "<p>aa</p><p>bb</p><p>cc</p><p>dd</p><div style='opacity: .3'><p>pale</p></div>",
            "light: color-contrast: <p>pale",
        ),
        (
            "<p hidden>aa</p><p hidden>bb</p><p hidden>cc</p><p>dd</p>"
            "<style>[data-theme=dark] p {color: #333; background: #222}</style>",
            "dark: color-contrast: <p>dd",
        ),
        ("<p>1</p><p>2</p><p>3</p><p>word</p><style>p {color: #ccc}</style>", "light: color"),
        (
            "<style>a {text-decoration: none; color: #008}</style>"
            "<p>Read about <a href='#x'>this</a>.</p>",
            "light: link-in-text-block",
        ),
        ("<script>setTimeout(() => { dark.onchange = null })</script>", "dark: the theme does not"),
        ('<pre style="width:900px">wide</pre>', "pixels wide on a phone"),
        ('<script>document.documentElement.dataset.theme="x"</script>', ""),
    ],
)
def test_the_browser_check_sees(browser: site_browser.Browser, body: str, problem: str) -> None:
    (browser.folder / "page.html").write_text(PAGE.format(body))  # type: ignore[attr-defined]
    (browser.folder / "favicon.ico").touch()  # type: ignore[attr-defined]
    found = site_browser.browser_problems(browser, "page.html")
    assert any(problem in line for line in found) if problem else found == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<p>From $5 on.</p>", ""),
        ("<pre>cost = '$a$'</pre>", ""),
        ("<p>So $x^2$ is.</p>", "a formula that was not drawn"),
        ("<p>So \\(x\\) is.</p>", "a formula that was not drawn"),
        ("<p>See {ref}`label`.</p>", "a role or directive"),
        ("<p>Hello {{ name }}.</p>", "a substitution"),
        ('<img src="a.svg">', "image without alternative text: a.svg"),
        ('<img src="a.svg" alt=" ">', "image without alternative text: a.svg"),
    ],
)
def test_the_text_check_sees(tmp_path: Path, body: str, problem: str) -> None:
    (tmp_path / "page.html").write_text(PAGE.format(body))
    found = site_checks.text_problems(tmp_path / "page.html")
    assert any(problem in line for line in found) if problem else found == []


def test_the_link_check_sees(tmp_path: Path) -> None:
    (tmp_path / "b.html").write_text('<p id="here">Target</p>')
    links = ["b.html#here", "b.html#gone", "gone.html", "#top", "#gone", "https://example.org/x"]
    body = '<p id="top">Top</p>' + "".join(f'<a href="{link}">a</a>' for link in links)
    (tmp_path / "a.html").write_text(PAGE.format(body))
    assert sorted(site_checks.broken_links(tmp_path)) == [
        "a.html: #gone",
        "a.html: b.html#gone",
        "a.html: gone.html",
    ]
