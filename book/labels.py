"""What can be referred to in the book, with the numbers that its pages show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from markdown_it.token import Token

from book.myst import Directive, MystError, walk
from book.project import Project
from book.withheld import page_text

EXERCISES = ("exercise", "exercise-start")


@dataclass(frozen=True)
class Target:
    """A labelled thing: its page, kind ("section", "equation", "exercise", ...), number, title."""

    docname: str
    kind: str
    number: str
    title: str
    anchor: str

    @property
    def name(self) -> str:
        """How a reference without a text of its own reads."""
        if self.kind == "equation":
            return f"({self.number})"
        return f"{self.kind.capitalize()} {self.number}" if self.number else self.title


@dataclass
class Labels:
    """Targets by label; titles by page; numbers by page and line."""

    targets: dict[str, Target] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    numbers: dict[tuple[str, int], str] = field(default_factory=dict)


def kind_of(token: Token, block: Directive | None) -> str:
    """What the page counts the block as: "equation", "exercise", "theorem", ...; "" if nothing."""
    if block is None:
        labelled = token.type == "math_block_label"
        numbered = token.type == "amsmath" and "*}" not in token.content.split("\n")[0]
        return "equation" if labelled or numbered else ""
    if block.flag("nonumber"):
        return ""
    if block.name in EXERCISES:
        return "exercise"
    if block.name.startswith("prf:"):
        return "" if block.name == "prf:proof" else block.name.removeprefix("prf:")
    if block.name == "math":
        return "equation" if block.label else ""
    if block.name == "figure":
        return "figure" if block.body.strip() else ""
    if block.name == "code-cell":
        return "figure" if _cell_figure(block).get("caption") else ""
    return "table" if block.name in ("table", "list-table") and block.argument else ""


def _cell_figure(block: Directive) -> dict[str, str]:
    settings = block.options.get("mystnb") or {}
    return settings.get("figure") or {}


def _label(token: Token, block: Directive | None) -> str | None:
    if block is None:
        return token.info or None if token.type == "math_block_label" else None
    return block.label or _cell_figure(block).get("name")


def front_matter(text: str) -> dict[str, object]:
    """The YAML header of a page, {} where there is none."""
    parts = text.split("\n---", 1) if text.startswith("---\n") else []
    header = yaml.safe_load(parts[0].removeprefix("---")) if len(parts) == 2 else None
    return header if isinstance(header, dict) else {}


def _targets(
    docname: str, text: str, project: Project, labels: Labels
) -> Iterator[tuple[str, Target]]:
    counts: Counter[str] = Counter()
    chapter = project.chapter_numbers.get(docname)
    waiting: list[str] = []
    for token, block, heading, line in walk(text, project.extensions):
        if token.type == "myst_target":
            waiting.append(token.content)
            continue
        kind, number = kind_of(token, block), ""
        if kind:
            counts[kind] += 1
            number = f"{chapter}.{counts[kind]}" if chapter else str(counts[kind])
            labels.numbers[docname, line] = number
        if heading:
            labels.titles.setdefault(docname, heading)
        own = _label(token, block)
        title = heading or (block.argument if block else "")
        for label in [*waiting, *([own] if own else [])]:
            anchor = f"equation-{label}" if kind == "equation" else label
            yield label, Target(docname, kind or "section", number, title, anchor)
        if heading or block or token.type == "paragraph_open":
            waiting = []


def collect(project: Project) -> Labels:
    """Read every page of the book; MystError names a label that two places have."""
    labels = Labels()
    for path in project.pages:
        docname = project.docname(path)
        try:
            found = list(_targets(docname, page_text(path, project.root), project, labels))
        except MystError as error:
            raise MystError(f"{path.relative_to(project.root)}:{error}") from None
        for label, target in found:
            if label in labels.targets:
                other = labels.targets[label].docname
                raise MystError(f"{docname}.md: the label {label!r} is already used in {other}.md")
            labels.targets[label] = target
    return labels
