r"""Docstrings are written as they are read in a notebook, with `code` and $\mathrm{formulas}$.

Sphinx reads reStructuredText, where a backslash, a bar or a dollar means something else.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

# In this order: code may hold dollars and bars, formulas may hold bars.
INLINE = re.compile(
    r"(?P<ticks>``?)(?P<code>.+?)(?P=ticks)(?!`)"
    r"|\$(?P<formula>[^$\s](?:[^$]*[^$\s])?)\$(?!\w)"
    r"|(?P<emphasis>(?<!\w)\*{1,2}[^*\s][^*]*\*{1,2}(?!\w))"
    r"|(?P<special>[|*\\])",
    re.S,
)


def to_rst(text: str) -> str:
    """One paragraph as reStructuredText.

    >>> print(to_rst("`fit` minimises $|w|$, *not* 2 * |w|"))
    ``fit`` minimises :math:`|w|`, *not* 2 \\* \\|w\\|
    """
    return INLINE.sub(_replace, text)


def _replace(match: re.Match[str]) -> str:
    if match["code"]:
        return f"``{match['code'].strip()}``"
    if match["formula"]:
        return f":math:`{match['formula']}`"
    return match["emphasis"] or "\\" + match["special"]


def process(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Rewrite a docstring in place, its examples left as they are."""
    paragraphs = "\n".join(lines).split("\n\n")
    lines[:] = "\n\n".join(
        paragraph if paragraph.lstrip().startswith(">>>") else to_rst(paragraph)
        for paragraph in paragraphs
    ).split("\n")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to autodoc, before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
