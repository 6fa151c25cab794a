"""What the notebook generator has to know about the book: addresses, switches, contents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

DEFAULT_EXTENSIONS = ("colon_fence", "dollarmath", "linkify", "substitution", "tasklist")


@dataclass(frozen=True)
class Project:
    """The book in the folder `root`, as `_config.yml` and `_toc.yml` describe it."""

    root: Path
    config: dict[str, Any] = field(default_factory=dict)
    toc: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path) -> Project:
        """Read `_config.yml` and `_toc.yml` of `root`; FileNotFoundError where one is missing."""
        config, toc = (
            yaml.safe_load((root / name).read_text(encoding="utf8")) or {}
            for name in ("_config.yml", "_toc.yml")
        )
        return cls(root, config, toc)

    @property
    def repository(self) -> str:
        """Address of the repository, without a slash at the end."""
        url = self.config.get("repository", {}).get("url", "")
        if not re.fullmatch(r"https://[^/\s]+/[^/\s]+/[^/\s]+?/?", url):
            raise ValueError(
                f"repository.url in _config.yml must look like https://host/OWNER/REPO, got {url!r}"
            )
        return str(url).rstrip("/").removesuffix(".git")

    @property
    def branch(self) -> str:
        """Branch that readers are sent to."""
        return str(self.config.get("repository", {}).get("branch", "main"))

    @property
    def site(self) -> str:
        """Address of the rendered book: `html.baseurl`, or GitHub Pages of the repository."""
        owner, name = self.repository.split("/")[-2:]
        base = self.config.get("html", {}).get("baseurl") or f"https://{owner}.github.io/{name}"
        return str(base).rstrip("/")

    @property
    def colab(self) -> str:
        """Address under which Colab opens files of the repository."""
        repository = "/".join(self.repository.split("/")[-2:])
        return f"https://colab.research.google.com/github/{repository}/blob/{self.branch}"

    @property
    def extensions(self) -> tuple[str, ...]:
        """MyST syntax extensions that are switched on."""
        return tuple(self.config.get("parse", {}).get("myst_enable_extensions", DEFAULT_EXTENSIONS))

    @property
    def substitutions(self) -> dict[str, str]:
        """Texts for `{{ name }}` that hold in the whole book."""
        sphinx = self.config.get("sphinx", {}).get("config", {})
        return dict(
            self.config.get("parse", {}).get("myst_substitutions")
            or sphinx.get("myst_substitutions", {})
        )

    @property
    def bibliographies(self) -> list[Path]:
        """BibTeX files that exist (a book without citations needs none)."""
        paths = [self.root / name for name in self.config.get("bibtex_bibfiles", [])]
        return [path for path in paths if path.exists()]

    @property
    def pages(self) -> list[Path]:
        """All text sources under `chapters/`, sorted."""
        return sorted((self.root / "chapters").rglob("*.md"))

    def docname(self, path: Path) -> str:
        """Name that Sphinx gives to the page at `path`."""
        return path.relative_to(self.root).with_suffix("").as_posix()

    @cached_property
    def chapter_numbers(self) -> dict[str, int]:
        """Numbers of the chapters in numbered parts, counted through the book as its pages are."""
        parts = self.toc.get("parts") or [self.toc]
        numbered = [
            entry["file"]
            for part in parts
            if part.get("numbered") or (part.get("options") or {}).get("numbered")
            for entry in part.get("chapters") or []
            if "file" in entry
        ]
        return {str(name).removesuffix(".md"): i for i, name in enumerate(numbered, 1)}
