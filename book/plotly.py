"""Plotly figures: notebooks say `figure.show()`, and the site draws them with its own library.

Kernels run with PLOTLY_RENDERER=plotly_mimetype (`book.cache`), so the output of a cell is the
figure as JSON. A page holds that JSON, what the figure shows in words, and a button: the library
has 1.5 MB, which not every reader of a page wants. The words are in the figure:

    figure.update_layout(meta={"alt": "Loss surface of ...; the lowest value is ..."})

A still figure above it has to show the same, for readers on paper and without scripts.
"""

from __future__ import annotations

import gzip
import html
import importlib.util
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from myst_nb.core import render
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

MIME = "application/vnd.plotly.v1+json"
LIBRARY = "_static/plotly.min.js"
SCRIPT, STYLE = "plotly_figures.js", "plotly_figures.css"
PAGE = """\
<div class="course-plotly" data-library="{library}">
<script type="application/json">{figure}</script>
<div class="plotly-offer" hidden><button type="button">Load the interactive view</button>
<span>{size} from this site</span></div>
<div class="plotly-view" role="img" aria-label="{alt}" hidden></div>
<p class="plotly-help" hidden></p>
<p class="plotly-off">Where scripts run, the figure above can be turned here.</p></div>
"""


class plotly_figure(nodes.General, nodes.Element):
    """An interactive figure; `figure` is its JSON, `alt` says what it shows."""


class PlotlyRenderer:
    """MyST-NB's protocol for one more type of output (`myst_nb.core.render.MimeRenderPlugin`)."""

    mime_priority_overrides: ClassVar = [("*", MIME, 5)]

    @staticmethod
    def handle_mime(
        renderer: render.NbElementRenderer, data: render.MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """A node for a figure, with a warning if it does not say what it shows; None for others."""
        if data.mime_type != MIME:
            return None
        figure: Any = data.content
        alt = _alt(figure)
        if not alt:
            cells = renderer.renderer.nb_client.notebook.cells[: data.cell_index + 1]
            number = sum(cell.cell_type == "code" for cell in cells)
            renderer.logger.warning(
                f"figure without alternative text in cell {number}: "
                'say what it shows with figure.update_layout(meta={"alt": ...})',
                subtype="alt",
                line=data.line,
            )
        return [plotly_figure(figure=_json(figure), alt=alt)]


def _alt(figure: dict[str, Any]) -> str:
    meta = figure.get("layout", {}).get("meta")
    return " ".join(str(meta.get("alt", "")).split()) if isinstance(meta, dict) else ""


def _json(figure: dict[str, Any]) -> str:
    """The figure without Plotly's template, which the script replaces by those of our themes."""
    layout = {key: value for key, value in figure.get("layout", {}).items() if key != "template"}
    kept = {"data": figure.get("data", []), "layout": layout, "frames": figure.get("frames", [])}
    # A text must not end the script element that it stands in.
    return json.dumps(kept, separators=(",", ":"), sort_keys=True).replace("<", "\\u003c")


@cache
def _library() -> Path:
    """The script in the installed package, found without importing it."""
    spec = importlib.util.find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


@cache
def _size() -> str:
    """What a reader has to load, as servers send it."""
    return f"{len(gzip.compress(_library().read_bytes())) / 1e6:.1f} MB"


def visit_html(self: Any, node: plotly_figure) -> None:
    """Write the container; the library is found from the page it is on."""
    page = self.builder.get_target_uri(self.builder.current_docname)
    library = relative_uri(page, LIBRARY)
    self.body.append(
        PAGE.format(
            library=library, figure=node["figure"], size=_size(), alt=html.escape(node["alt"])
        )
    )
    raise nodes.SkipNode


def skip(self: Any, node: plotly_figure) -> None:
    """Leave it out where nothing can be interactive."""
    raise nodes.SkipNode


def add_files(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load script and style on pages with a figure, and only there."""
    if doctree is not None and next(doctree.findall(plotly_figure), None) is not None:
        app.add_js_file(SCRIPT, loading_method="defer")
        app.add_css_file(STYLE)


def copy_library(app: Sphinx, exception: Exception | None) -> None:
    """Put the library beside the other files of the site."""
    if exception is None and app.builder.format == "html":
        target = Path(app.outdir) / LIBRARY
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(_library(), target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register renderer, node and files. MyST-NB finds renderers by entry points only."""
    renderers: list[Any] = render.load_mime_renders()  # always the same list
    if PlotlyRenderer not in renderers:
        renderers.append(PlotlyRenderer)
    app.add_node(plotly_figure, html=(visit_html, None), latex=(skip, None), text=(skip, None))
    app.connect("html-page-context", add_files)
    app.connect("build-finished", copy_library)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
