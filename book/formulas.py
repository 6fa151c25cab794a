"""Display formulas as MathJax reads them in JupyterLab and Colab."""

from __future__ import annotations

import re

from book.katex import MACROS

ENVIRONMENT = re.compile(r"\\begin\{(\w+)(\*?)\}(.*)\\end\{\1\2\}", re.S)
# What stands alone in a text but not between dollar signs, and what replaces it there.
INNER = {"align": "aligned", "equation": "", "gather": "gathered", "multline": "gathered"}
INNER |= {"alignat": "aligned", "eqnarray": "aligned", "flalign": "aligned"}


def expand(latex: str) -> str:
    """Write out the book's own macros, which a notebook does not have."""
    names = "|".join(re.escape(name) for name in MACROS)
    return re.sub(rf"(?:{names})(?![A-Za-z])", lambda match: MACROS[match[0]], latex)


def display(latex: str, number: str | None = None) -> str:
    r"""A formula between `$$` with its `\tag{number}`; lines are aligned as on the page."""
    latex = expand(latex.strip())
    match = ENVIRONMENT.fullmatch(latex)
    if match and match[1] in INNER:
        inner = INNER[match[1]]
        latex = match[3].strip()
        latex = f"\\begin{{{inner}}}\n{latex}\n\\end{{{inner}}}" if inner else latex
    elif "\\\\" in latex and "\\begin{" not in latex:
        latex = f"\\begin{{aligned}}\n{latex}\n\\end{{aligned}}"
    lines = [line for line in latex.split("\n") if line.strip()]
    tag = [f"\\tag{{{number}}}"] if number else []
    return "\n".join(["$$", *lines, *tag, "$$"])


def on_one_line(markdown: str) -> str:
    """Display formulas on one line each: in a quote, `>` would become part of the formula."""
    return re.sub(
        r"^\$\$\n(.*?)\n\$\$$",
        lambda match: "$$" + " ".join(match[1].split("\n")) + "$$",
        markdown,
        flags=re.S | re.M,
    )
