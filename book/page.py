"""One notebook while it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from book.citations import Bibliography
from book.labels import Labels
from book.project import Project


@dataclass
class Page:
    """Where the references of a notebook lead, and what it has cited so far."""

    docname: str
    project: Project
    labels: Labels
    bibliography: Bibliography
    substitutions: dict[str, str] = field(default_factory=dict)
    footnotes: list[str] = field(default_factory=list)

    def url(self, docname: str, anchor: str = "") -> str:
        """Address of a page of the rendered book."""
        return f"{self.project.site}/{docname}.html" + (f"#{anchor}" if anchor else "")

    def footnote(self, label: str) -> int:
        """Number of a footnote, in order of first mention."""
        if label not in self.footnotes:
            self.footnotes.append(label)
        return self.footnotes.index(label) + 1
