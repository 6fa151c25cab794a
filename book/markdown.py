"""Plain Markdown that both JupyterLab and Colab show as meant."""

from __future__ import annotations

import html
import re

from book.formulas import on_one_line

# A text that starts with one of these cannot follow a title on its line.
NO_PARAGRAPH = re.compile(r"(\s*$|[-*+] |\d+[.)] |[>#|<]|```|~~~|\$\$|!\[)")


def quote(text: str) -> str:
    """A block quote."""
    return "\n".join(f"> {line}".rstrip() for line in on_one_line(text).split("\n"))


def details(title: str, body: str) -> str:
    """A block that is closed at first; the blank lines make its body Markdown."""
    summary = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(title, quote=False))
    return f"<details>\n<summary><b>{summary}</b></summary>\n\n{body}\n\n</details>"


def titled(title: str, body: str) -> str:
    """A quote that starts with its title in bold, on the line of the text where that can be."""
    bold = f"**{title}**" if title[-1:] in ".?!:" else f"**{title}.**"
    gap = "\n\n" if NO_PARAGRAPH.match(body) else " "
    return quote((bold + gap + body).rstrip())


def cell(text: str) -> str:
    """Text of a table cell: a bar would end it, in formulas too."""

    def bars(match: re.Match[str]) -> str:
        return match[0].replace(r"\|", r"\Vert ").replace("|", r"\vert ")

    text = re.sub(r"\$[^$]+\$", bars, text)
    return re.sub(r"(?<!\\)\|", r"\\|", text)
