"""Solutions of assigned exercises are not in the book: not on its pages, in notebooks or sources.

All that reads a page reads it by `page_text`, so that pages, notebooks and numbers agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ConfigError

from book.assigned import withheld
from book.gates import Gated, gated

NOTE = """\
```{{admonition}} Assigned
This exercise is part of the assignment *{title}*: its solution appears after the due date.
The tests below the stub say whether an answer is right.
```
"""


def withhold(text: str, titles: Mapping[str, str]) -> str:
    """The text with a note for each solution to a label in `titles`; all lines keep their numbers.

    titles: names of assignments, by exercise. ValueError if a solution is not between gates.
    """
    out, done = [], 0
    for solution in _assigned(text, titles):
        note = NOTE.format(title=titles[solution.label])
        lines = text.count("\n", solution.start, solution.end) - note.count("\n")
        out += [text[done : solution.start], note, "\n" * lines]
        done = solution.end
    made = "".join([*out, text[done:]])
    for label in re.findall(r"\{solution(?:-start)?\}\s*(\S+)", made):
        if label in titles:
            raise ValueError(f"the solution to {label} cannot be withheld: write it between gates")
    return made


def page_text(path: Path, root: Path) -> str:
    """The text of a page of the project in `root`, as the book has it."""
    titles = withheld(root)
    try:
        return withhold(path.read_text(encoding="utf8"), titles)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _assigned(text: str, titles: Mapping[str, str]) -> list[Gated]:
    if not titles:
        return []
    return [part for part in gated(text) if part.what == "solution" and part.label in titles]


def read_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Withhold solutions from the page that Sphinx reads, and note which."""
    titles = withheld(Path(app.srcdir))
    _noted(app.env)[docname] = _here(source[0], titles)
    source[0] = withhold(source[0], titles)


def outdated(app: Sphinx, env: BuildEnvironment, *changes: set[str]) -> list[str]:
    """Pages to read again, since other solutions are withheld now than when they were read."""
    root, noted = Path(app.srcdir), _noted(env)
    paths = {name: Path(env.doc2path(name)) for name in env.found_docs}
    try:
        titles = withheld(root)
        for path in paths.values():
            page_text(path, root)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    texts = {name: path.read_text(encoding="utf8") for name, path in paths.items()}
    return [name for name, text in texts.items() if _here(text, titles) != noted.get(name, {})]


def _here(text: str, titles: Mapping[str, str]) -> dict[str, str]:
    return {part.label: titles[part.label] for part in _assigned(text, titles)}


def _noted(env: BuildEnvironment) -> dict[str, dict[str, str]]:
    """What was withheld from each page, kept with the environment from build to build."""
    pages: dict[str, dict[str, str]] = env.__dict__.setdefault("course_withheld", {})
    return pages


def clean_sources(app: Sphinx, exception: Exception | None) -> None:
    """Withhold solutions from the copies of the sources, also those of a build that failed."""
    for copy in (Path(app.outdir) / "_sources").rglob("*.md"):
        text = copy.read_text(encoding="utf8")
        if (clean := withhold(text, withheld(Path(app.srcdir)))) != text:
            copy.write_text(clean, encoding="utf8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("env-get-outdated", outdated)
    app.connect("source-read", read_page, priority=1)  # before others look at the text
    app.connect("build-finished", clean_sources)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
