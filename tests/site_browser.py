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
from accessibility import accessibility_problems, problems_in_dark
from playwright.sync_api import Page, Route, sync_playwright

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


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
    opened = browser.open(page, "light", PHONE)
    width = opened.evaluate("document.documentElement.scrollWidth")
    wide = width > PHONE["width"]
    found = [f"{width} pixels wide on a phone of {PHONE['width']}"] if wide else []
    opened.set_viewport_size(DESKTOP)
    # Before axe, which asks for style sheets in a way of its own and does not find some.
    found += [*browser.complaints, *look(opened)]
    found += [f"light: {problem}" for problem in accessibility_problems(opened)]
    found += [f"dark: {problem}" for problem in problems_in_dark(opened)]
    return [*found, *browser.elsewhere()]
