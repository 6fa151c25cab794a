"""The site: pages without dead weight, and names for everything on them.

The theme loads 1.5 MB of scripts that no page here uses, and a service that would run cells on
somebody else's computer. What is left needs no other host.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

UNUSED = re.compile(
    r"\s*<script[^>]*(?:scripts/fontawesome\.js|sphinx-thebe\.js)[^>]*></script>"
    r"|\s*<script>const THEBE_JS_URL.*?</script>"
    r'|\s*<script type="text/x-thebe-config">.*?</script>'
    r"|\s*<script>kernelName = .*?</script>"
    r"|\s*<link[^>]*(?:fontawesome\.js|sphinx-thebe\.css)[^>]*/?>",
    re.S,
)
# Inline scripts need DOCUMENTATION_OPTIONS at once; all other files can wait.
BLOCKING = re.compile(r"<script(?![^>]*(?:defer|async|documentation_options))(?=[^>]* src=)")
SHARED_ID = re.compile(r'<section id="((?:exercise|solution|proof)-content)">')
LOGO = re.compile(r'<div class="sidebar-primary-item">(?=\s*<a class="navbar-brand logo)')


def set_addresses(app: Sphinx, config: Config) -> None:
    """Derive the address of the site (GitHub Pages) from that of the repository."""
    owner, name = config.html_theme_options["repository_url"].rstrip("/").split("/")[-2:]
    config.html_baseurl = config.html_baseurl or f"https://{owner}.github.io/{name}/"
    config.ogp_site_url = config.html_baseurl


def slim(page: str) -> str:
    """The HTML of a page without what it does not use, and with names for what it does.

    Applying it twice changes nothing.
    """
    page = UNUSED.sub("", page)
    # The summary has a text; a screen reader should read that.
    page = page.replace(' aria-label="Toggle hidden content"', "")
    head, end, body = page.partition("</head>")
    page = BLOCKING.sub("<script defer", head) + end + body
    # The extension gives all exercises of a page the same id.
    page = SHARED_ID.sub(r'<section class="\1">', page)
    # A list has items; the role that docutils gives them is deprecated and not allowed there.
    page = page.replace(' role="doc-biblioentry"', ' role="listitem"')
    # All content has to be in some landmark.
    return LOGO.sub('<div class="sidebar-primary-item" role="region" aria-label="Title">', page)


def finish_pages(app: Sphinx, exception: Exception | None) -> None:
    """Rewrite the pages after everything else has been written."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    for path in out.rglob("*.html"):
        page = path.read_text(encoding="utf8")
        if (slimmed := slim(page)) != page:
            path.write_text(slimmed, encoding="utf8")
    for name in ("scripts/fontawesome.js", "scripts/fontawesome.js.map"):
        (out / "_static" / name).unlink(missing_ok=True)
    offer_notebooks(Path(app.srcdir), out / "_sources")


def offer_notebooks(source: Path, downloads: Path) -> None:
    """Let the download button give the notebook of the project, not a raw copy of the page."""
    for copy in downloads.rglob("*.ipynb"):
        notebook = source / copy.relative_to(downloads)
        if notebook.exists():
            shutil.copyfile(notebook, copy)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("config-inited", set_addresses)
    app.connect("build-finished", finish_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
