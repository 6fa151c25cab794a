"""What can be wrong with a page, as functions that return a list of problems."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import yaml
from bs4 import BeautifulSoup

# Sphinx writes these without content of ours; they are checked for links only.
GENERATED = {"genindex.html", "py-modindex.html", "prf-prf.html", "search.html"}
LEFTOVERS = {
    "a formula that was not drawn": re.compile(r"\$[^$\n]{1,80}\$|\\\(|\\\["),
    "a formula that KaTeX refused": re.compile(r"ParseError|katex-error"),
    "a role or directive that was not read": re.compile(r"\{[a-z:]+\}`|^\s*:::|```\{", re.M),
    "a substitution that was not made": re.compile(r"\{\{.*?\}\}"),
}
# What shows code may show all of that.
VERBATIM = ["pre", "code", "script", "style", "annotation", "math"]


def repository(root: Path) -> str:
    """Address of the project, from the one place where it is written."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf8"))
    return str(config["repository"]["url"])


def pages_of(site: Path) -> list[str]:
    """All pages with content of ours, by path; redirects left out."""
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return [
        page
        for page in pages
        if not page.startswith(("_static", "_sources"))
        and page not in GENERATED
        and 'http-equiv="refresh"' not in (site / page).read_text(encoding="utf8").lower()
    ]


def file_of(site: Path, path: str) -> Path:
    """The file behind the path of an address."""
    return site / unquote(urlsplit(path).path).lstrip("/")


def text_problems(page: Path) -> list[str]:
    """Syntax that reached the reader, and images without alternative text."""
    soup = BeautifulSoup(page.read_text(encoding="utf8"), "html.parser")
    article: Any = soup.find("article") or soup
    found = [
        f"image without alternative text: {image.get('src')}"
        for image in article.find_all("img")
        if not str(image.get("alt", "")).strip()
    ]
    for verbatim in article.find_all(VERBATIM):
        verbatim.decompose()
    text = article.get_text()
    for problem, pattern in LEFTOVERS.items():
        found += [f"{problem}: {match[0]!r}" for match in pattern.finditer(text)]
    return found


def broken_links(site: Path) -> list[str]:
    """Links and references inside the site that lead nowhere."""
    html = {
        path: BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")
        for path in site.rglob("*.html")
        if not path.is_relative_to(site / "_static")
    }
    ids = {path: {str(tag["id"]) for tag in soup.find_all(id=True)} for path, soup in html.items()}
    return [
        f"{path.relative_to(site)}: {link}"
        for path, soup in html.items()
        for link in _links(soup)
        if _is_broken(path, link, ids)
    ]


def _links(soup: BeautifulSoup) -> set[str]:
    names = ("href", "src")
    return {str(tag[name]) for name in names for tag in soup.find_all(attrs={name: True})}


def _is_broken(path: Path, link: str, ids: dict[Path, set[str]]) -> bool:
    address, anchor = urldefrag(link)
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return True
    return bool(anchor) and target in ids and unquote(anchor) not in ids[target]
