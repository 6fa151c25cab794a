"""Block-level MyST rewritten as plain Markdown, split into cells at headings.

Lines keep their place until they are replaced; only what has no meaning outside the book changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it.token import Token

from book.directives import render
from book.formulas import display
from book.inline import substitute, to_markdown
from book.myst import MystError, directive, parse, span
from book.page import Page

DROPPED = ("myst_target", "myst_line_comment", "myst_block_break")
VERBATIM = ("fence", "colon_fence", "code_block", "html_block")


@dataclass
class Piece:
    """Consecutive lines of output.

    `starts`: a new cell begins; `gate`: "start" or "end" of a solution; `verbatim`: code.
    """

    lines: list[str]
    starts: bool = False
    gate: str = ""
    verbatim: bool = False


def convert(text: str, page: Page, line: int) -> str:
    """Plain Markdown for the MyST `text`, whose first line is `line` (from 0) of the file."""
    return join(pieces(text, page, line))


def join(parts: list[Piece]) -> str:
    """The text of some pieces; blank lines beside replaced blocks are not doubled."""
    out: list[str] = []
    for part in parts:
        for text in part.lines:
            if part.verbatim or text.strip(" >") or (out and out[-1].strip(" >")):
                out.append(text)
            elif out:  # the outer of two blank lines: `>` alone would tie two quotes together
                out[-1] = min(out[-1], text, key=len)
    return "\n".join(out).strip("\n")


def pieces(text: str, page: Page, line: int) -> list[Piece]:
    """`text` in pieces: replaced blocks, code, and prose with its inline syntax rewritten."""
    lines, done, out = text.split("\n"), 0, list[Piece]()
    for token in parse(text, page.project.extensions):
        start, end = span(token)
        if start < done or not (edit := _edit(token, lines, page, line)):
            continue
        out += _prose(lines[done:start], page, line + done)
        out.append(edit)
        done = end
        while token.type != "heading_open" and done > start + 1 and not lines[done - 1].strip():
            done -= 1  # blank lines after a block in a list belong to the text
    return out + _prose(lines[done:], page, line + done)


def _prose(lines: list[str], page: Page, line: int) -> list[Piece]:
    """Inline syntax never crosses a blank line, so paragraphs are rewritten one by one."""
    out, start = list[str](), 0
    for end in [i for i, text in enumerate(lines) if not text.strip()] + [len(lines)]:
        out += to_markdown("\n".join(lines[start:end]), page, line + start).split("\n")
        out += [""] if end < len(lines) else []
        start = end + 1
    return [Piece(out)] if lines else []


def _edit(token: Token, lines: list[str], page: Page, offset: int) -> Piece | None:
    """What takes the place of a block, None where the block stays as it is or is looked into."""
    start, end = span(token)
    if token.type in DROPPED:
        return Piece([""])
    if token.type == "heading_open":
        title = to_markdown("\n".join(lines[start:end]), page, offset + start).split("\n")
        return Piece(title, starts=token.level == 0)
    block = directive(token, offset)
    if block is not None:
        made = render(block, page, convert)
        return _inside(token, lines, made.text, made.starts, made.gate)
    if token.type in VERBATIM:
        return Piece(lines[start:end], verbatim=True)
    if token.type.startswith("math_block") or token.type == "amsmath":
        number = page.labels.numbers.get((page.docname, start + offset))
        return _inside(token, lines, display(token.content, number))
    return _other(token, lines, page, offset)


def _other(token: Token, lines: list[str], page: Page, offset: int) -> Piece | None:
    start, end = span(token)
    if token.type == "substitution_block":
        return Piece(substitute(token.content, page, start + offset).split("\n"))
    if token.type == "footnote_reference_open":
        number = page.footnote(token.meta["label"])
        first, *rest = lines[start:end]
        body = [re.sub(r"^\[\^[^\]]+\]:\s*", "", first), *(re.sub(r"^ {1,4}", "", x) for x in rest)]
        note = convert("\n".join(body), page, start + offset)
        return Piece(["", f"<sup>{number}</sup> {note}", ""])
    if token.type in ("dl_open", "field_list_open"):
        raise MystError(f"{start + offset + 1}: a definition list has no form in a notebook")
    return None


def _inside(
    token: Token, lines: list[str], text: str, starts: bool = False, gate: str = ""
) -> Piece:
    """Put `text` where the block was: behind the marks of the list or quote that holds it."""
    line = lines[span(token)[0]]
    column = line.find(token.markup or "\\begin") if token.level else 0
    mark = line[:column]
    indent = re.sub(r"[^>\s]", " ", mark)
    if indent == mark:
        made = ["", *text.split("\n"), ""]
        return Piece([(indent + x).rstrip() for x in made], starts and not token.level, gate)
    first, *rest = text.split("\n")
    return Piece([mark + first, *((indent + x).rstrip() for x in rest), indent.rstrip()])
