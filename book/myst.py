"""Blocks of a MyST text: MyST-Parser's own tokens, directives read the way it reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import parse_directive_text
from myst_parser.parsers.mdit import create_md_parser

INFO = re.compile(r"\{([^\s}]+)\}\s*(.*)", re.S)
# Their bodies are not MyST, or are read by the directive itself.
OPAQUE = {"code", "code-block", "code-cell", "math", "quiz", "errata", "image", "raw", "eval-rst"}


class MystError(ValueError):
    """MyST that has no form in a notebook, or is wrong; the message starts with file:line."""


@dataclass(frozen=True)
class Directive:
    """One directive; `line` and `body_line` count from 0 in the file."""

    name: str
    argument: str
    options: dict[str, Any]
    body: str
    line: int
    body_line: int

    def flag(self, name: str) -> bool:
        """Whether the option `name` is given at all (a flag has no value)."""
        return name in self.options

    @property
    def dropdown(self) -> bool:
        """Whether the page shows it closed."""
        return self.name == "dropdown" or "dropdown" in str(self.options.get("class", "")).split()

    @property
    def label(self) -> str | None:
        """What references call it."""
        label = self.options.get("label") or self.options.get("name")
        return None if label is None else str(label)


@lru_cache
def _parser(extensions: tuple[str, ...]) -> MarkdownIt:
    # Blocks only: inline syntax is rewritten in the text itself, where tokens have no positions.
    config = MdParserConfig(enable_extensions=set(extensions), disable_syntax=["inline"])
    return create_md_parser(config, RendererHTML)


def parse(text: str, extensions: tuple[str, ...]) -> list[Token]:
    """Block tokens of `text`, those inside lists and quotes included."""
    return _parser(tuple(sorted(extensions))).parse(text + "\n")


def span(token: Token) -> tuple[int, int]:
    """First line of a token and the line after its last, counted from 0."""
    start, end = token.map or (0, 0)
    # The amsmath plug-in leaves out the last line.
    return (
        (start, start + token.content.count("\n") + 1) if token.type == "amsmath" else (start, end)
    )


class _AnyDirective:
    option_spec = {"any": True}  # noqa: RUF012 (MyST-Parser reads it from the class)
    required_arguments = 0
    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True


def directive(token: Token, offset: int) -> Directive | None:
    """The directive that a fence opens, or None for plain code; `offset`: file line of line 0."""
    match = INFO.match(token.info.strip()) if token.type in ("fence", "colon_fence") else None
    if match is None:
        return None
    parsed = parse_directive_text(
        _AnyDirective,  # type: ignore[arg-type]  # duck-typed, as MyST-NB does for cells
        "",
        token.content,
        validate_options=False,
    )
    line = span(token)[0] + offset
    if parsed.warnings:
        raise MystError(f"{line + 1}: options of {match[1]!r}: {parsed.warnings[0].msg}")
    body = "\n".join(parsed.body)
    body_line = line + 1 + parsed.body_offset
    return Directive(match[1], match[2].strip(), parsed.options, body, line, body_line)


def walk(
    text: str, extensions: tuple[str, ...], offset: int = 0
) -> Iterator[tuple[Token, Directive | None, str, int]]:
    """All block tokens in reading order, into the bodies of directives.

    Yields token, its directive if it opens one, the text of a heading, its line in the file.
    """
    tokens = parse(text, extensions)
    for token, following in zip(tokens, [*tokens, None][1:], strict=True):
        block = directive(token, offset)
        heading = following.content if following and token.type == "heading_open" else ""
        yield token, block, heading, span(token)[0] + offset
        if block is not None and block.name not in OPAQUE:
            yield from walk(block.body, extensions, block.body_line)
