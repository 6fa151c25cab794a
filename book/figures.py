"""Figures: every one says in words what it shows, and fits the dark theme.

`course_utils.plot.show` puts the text into the metadata of the output; MyST-NB takes nothing from
there but width and height.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx
from sphinx.util import logging

LOG = logging.getLogger(__name__)
IMAGE_TAG = re.compile(r"<img\b[^>]*>", re.I)
ALT = re.compile(r"\balt\s*=\s*(\"\s*[^\s\"]|'\s*[^\s'])", re.I)
# Data for the book's own use, beside the HTML that readers see; see `course_utils.claims`.
OWN_MIME = "application/vnd.course."

_render_image = NbElementRenderer.render_image
_render_unhandled = NbElementRenderer.render_unhandled


def render_image(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
    """Render an image output with the alternative text of its metadata, and warn without one."""
    images: list[nodes.Element] = _render_image(self, data)
    alt = data.output_metadata.get(data.mime_type, {}).get("alt", "")
    for image in images:
        image["alt"] = alt or image.get("alt", "")
        image["classes"].append("course-figure")
        if not image["alt"].strip():
            cells = self.renderer.nb_client.notebook.cells[: data.cell_index + 1]
            number = sum(cell.cell_type == "code" for cell in cells)
            self.logger.warning(
                f"figure without alternative text in cell {number}: "
                "display it with course_utils.plot.show(fig, alt=...)",
                subtype="alt",
                line=data.line,
            )
    return images


def render_unhandled(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
    """Pass over our own data; anything else that no page can show stays a warning."""
    if data.mime_type.startswith(OWN_MIME):
        return []
    rendered: list[nodes.Element] = _render_unhandled(self, data)
    return rendered


def require_alt(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of images in the text, and of HTML in cells and text, without alternative text."""
    for image in doctree.findall(nodes.image):
        # The cell of a figure has been named already.
        if not image.get("alt", "").strip() and "course-figure" not in image["classes"]:
            _warn(f"image {image['uri']!r} without alternative text", image)
    for raw in doctree.findall(nodes.raw):
        for tag in IMAGE_TAG.findall(raw.astext()):
            if not ALT.search(tag):
                _warn(f"image without alternative text: {tag[:120]}", raw)


def _warn(message: str, node: nodes.Node) -> None:
    LOG.warning(message, location=node, type="course", subtype="alt")


def setup(app: Sphinx) -> dict[str, Any]:
    """Take the place of two methods of MyST-NB, which finds renderers by entry points only."""
    NbElementRenderer.render_image = render_image
    NbElementRenderer.render_unhandled = render_unhandled
    app.connect("doctree-read", require_alt)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
