"""What only a browser can say of a page: what it asks for, how it looks to everybody."""

from __future__ import annotations

import functools
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, sync_playwright

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
# Words of code and parts of formulas are most of a long page, and axe needs two minutes for them.
# One word of each kind and place is left, the others become text without mark-up, of the same
# colour. Drawn formulas are hidden from screen readers and have the colour of their text.
THIN_OUT = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll('pre span, code span, .sig span')) {
    const places = [];
    for (let place = word; place; place = place.parentElement) places.push(place.className);
    const kind = places.join(' < ');
    const plain = [...word.attributes].every(attribute => attribute.name === 'class');
    if (plain && seen.has(kind)) word.replaceWith(...word.childNodes);
    seen.add(kind);
  }
  document.querySelectorAll('.katex-html').forEach(drawn => drawn.replaceChildren());
}"""


def require_browser() -> str:
    """Path of Chromium; without one the test is skipped, never in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        message = "the site is tested in Chromium, and there is no `chromium` in the PATH"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextmanager
def serve(site: Path) -> Iterator[str]:
    """Serve a folder on this machine alone; yields its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class Browser:
    """A browser that sees one host; what a page asked for and complained of is kept."""

    def __init__(self, browser: Any, address: str) -> None:
        self._browser = browser
        self.address = address
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._context: Any = None

    def open(self, page: str, scheme: str = "light", size: dict[str, int] | None = None) -> Page:
        """Load a page in a fresh window and wait until it is quiet."""
        self.close()
        self.requests, self.complaints = [], []
        self._context = self._browser.new_context(
            color_scheme=scheme, viewport=size or DESKTOP, reduced_motion="reduce"
        )
        opened: Page = self._context.new_page()
        opened.route("**/*", self._route)
        opened.on("console", lambda message: self._hear(message.type, message.text))
        opened.on("pageerror", lambda error: self._hear("error", str(error)))
        opened.goto(self.address + page, wait_until="networkidle")
        # On a busy machine the network may fall silent before the scripts of a long page have run.
        opened.wait_for_load_state("load")
        opened.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        return opened

    def close(self) -> None:
        """Close the window."""
        if self._context is not None:
            self._context.close()
            self._context = None

    def _route(self, route: Route) -> None:
        self.requests.append(route.request.url)
        if route.request.url.startswith(self.address):
            route.continue_()
        else:
            route.abort()

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"console {kind}: {text}")

    def loaded(self) -> set[str]:
        """Paths of all that the open page has loaded."""
        return {urlsplit(url).path for url in self.requests if url.startswith(self.address)}

    def elsewhere(self) -> list[str]:
        """Requests of the open page to other hosts."""
        return [
            f"request to another host: {url}"
            for url in self.requests
            if not url.startswith((self.address, "data:", "blob:"))
        ]


@contextmanager
def open_browser(address: str) -> Iterator[Browser]:
    """Start Chromium; root in a container can only without its sandbox."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=require_browser(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        opened = Browser(chromium, address)
        try:
            yield opened
        finally:
            opened.close()
            chromium.close()


def browser_problems(
    browser: Browser, page: str, look: Callable[[Page], list[str]] = lambda page: []
) -> list[str]:
    """The width of a phone, other hosts, the console, and accessibility in both themes.

    look: what else to find on the page in the light theme.
    """
    found = []
    for scheme in ("light", "dark"):
        opened = browser.open(page, scheme, PHONE)
        width = opened.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            found.append(f"{width} pixels wide on a phone of {PHONE['width']}")
        opened.set_viewport_size(DESKTOP)
        if opened.evaluate("document.documentElement.dataset.theme") != scheme:
            found.append(f"the theme does not follow the system: {scheme}")
        found += [*browser.elsewhere(), *browser.complaints]
        found += look(opened) if scheme == "light" else []
        found += [f"{scheme}: {problem}" for problem in accessibility_problems(opened)]
    return found


def accessibility_problems(page: Page) -> list[str]:
    """What axe finds, one line for each element. It changes the page."""
    from axe_playwright_python.sync_playwright import Axe

    # Closed boxes are checked too, as a reader sees them when they are open.
    page.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
    closed = "button.toggle-button[aria-expanded=false]"
    page.evaluate(f"document.querySelectorAll('{closed}').forEach(button => button.click())")
    page.evaluate(THIN_OUT)
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in found
        for node in violation["nodes"]
    ]
