"""A book of one tiny chapter with the project's own configuration, to break in one way each."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
HEADER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
# Standard library only, where it serves: a kernel that imports torch takes seconds longer.
CODE = "```{code-cell} ipython3\nprint(6 * 7)\n```\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'


# Each build is a process of its own, forked from one that has imported what takes longest; nothing
# of the project is among that, as each book has its own.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["jupyter_book.cli.main", "myst_nb.sphinx_ext", "pydata_sphinx_theme", "sphinxext.opengraph"]
)


def cell(code: str, *tags: str) -> str:
    """Markdown of a code cell."""
    option = f":tags: [{', '.join(tags)}]\n" if tags else ""
    return f"```{{code-cell}} ipython3\n{option}{code}\n```\n"


def figure(metadata: str = "") -> str:
    """A cell that displays an SVG image with this output metadata."""
    return cell(
        "from IPython.display import publish_display_data\n"
        f"publish_display_data({{'image/svg+xml': '''{SVG}'''}}, {metadata or '{}'})"
    )


@dataclass
class MiniBook:
    """A book below `root`, with the build code and the configuration of the project."""

    root: Path
    log: str = field(default="", init=False)

    @classmethod
    def create(cls, root: Path, **pages: str) -> MiniBook:
        """Write a book of these pages; the first is the landing page."""
        (root / "chapters").mkdir(parents=True)
        for name in ("_config.yml", "requirements.txt", "references.bib"):
            shutil.copyfile(ROOT / name, root / name)
        (root / "book").symlink_to(ROOT / "book")
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "course_utils", root / "course_utils", ignore=ignore)
        names = list(pages)
        toc = {
            "format": "jb-book",
            "root": f"chapters/{names[0]}",
            "chapters": [{"file": f"chapters/{name}"} for name in names[1:]],
        }
        (root / "_toc.yml").write_text(yaml.safe_dump({k: v for k, v in toc.items() if v}))
        book = cls(root)
        for name, text in pages.items():
            book.write(name, text)
        return book

    def write(self, name: str, text: str) -> None:
        """Write one page, a notebook if it has a code cell."""
        header = HEADER if "{code-cell}" in text else ""
        (self.root / "chapters" / f"{name}.md").write_text(header + text, encoding="utf8")

    def environment(self) -> dict[str, str]:
        """Kernels import the copy of `course_utils`; no test waits for a network or needs a GPU."""
        return {
            **os.environ,
            "PYTHONPATH": str(self.root),
            "COURSE_OFFLINE": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "NO_COLOR": "1",
        }

    def build(self, *options: str) -> int:
        """Build as `make book` does; the exit status, and all that was said in `log`."""
        arguments = ["build", "-W", "-n", "--keep-going", *options, str(self.root)]
        with tempfile.NamedTemporaryFile() as log:
            process = FORKS.Process(
                target=_jupyter_book, args=(arguments, self.environment(), log.name)
            )
            process.start()
            process.join(300)
            process.kill()
            process.join()
            said = Path(log.name).read_text(encoding="utf8")
        self.log = re.sub(r"\x1b\[[0-9;]*m", "", said)
        assert process.exitcode is not None
        return process.exitcode

    @property
    def executed(self) -> int:
        """How many notebooks the last build executed."""
        found = re.search(r"notebooks: (\d+) executed", self.log)
        assert found, self.log
        return int(found[1])

    def page(self, name: str) -> str:
        """HTML of a page."""
        return (self.root / f"_build/html/chapters/{name}.html").read_text(encoding="utf8")


def _jupyter_book(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """The command line tool, all of whose output goes to a file."""
    assert not {"book", "course_utils", "torch"} & sys.modules.keys()
    said = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, environment["PYTHONPATH"])
    from jupyter_book.cli.main import main

    main(arguments)
