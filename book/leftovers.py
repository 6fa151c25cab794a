"""Finds MyST syntax in Markdown that should be plain."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

FENCE = re.compile(r"^[>\s]*(?:[-*+]\s+)?(?:(?:`{3,}|~{3,}|:{3,})\s*\{[^\n]*|:{3,}[^\n]*)$", re.M)
CODE_OR_MATH = re.compile(
    r"(?<!\})(?P<run>`+)(?!`).+?(?<!`)(?P=run)(?!`)|\$\$.+?\$\$|\$(?:\\.|[^$\\])+\$", re.S
)
INLINE = re.compile(
    r"\{[A-Za-z][\w:+.-]*\}`"  # a role
    r"|\{\{[^{}]*\}\}"  # a substitution
    r"|\[\^[^\]\s]+\]"  # a footnote
    r"|^\([^()\s]+\)=\s*$"  # a target
    r"|^%[^\n]*$"  # a comment
    r"|\[\]\([^)]*\)"  # a link that takes its text from its target
    r"|@@\w+@@",  # a place that the generator had to fill
    re.M,
)


def leftovers(markdown: str) -> list[str]:
    """Pieces of MyST outside code and formulas, as a reader of the notebook would see them."""
    lines = markdown.split("\n")
    for token in MarkdownIt("commonmark").parse(markdown):
        if token.type in ("fence", "code_block") and token.map:
            is_myst = token.info.startswith("{")
            start, end = token.map[0] + is_myst, token.map[1]
            lines[start:end] = [""] * (end - start)
    text = "\n".join(lines)
    prose = CODE_OR_MATH.sub("", text)
    return [
        match[0].strip()
        for part, form in ((text, FENCE), (prose, INLINE))
        for match in form.finditer(part)
    ]
