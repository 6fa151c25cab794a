"""Writes the address of the repository, `repository.url` in _config.yml, wherever it is needed.

For a fork: change that one value, then run `python tools/restamp.py`. It renews the set-up cell of
every chapter, the notebooks, and links in README.md and CITATION.cff. With `--check` it writes
nothing and returns 1 if something is out of step.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from book import notebooks
from book.project import Project
from book.setup_cell import REPOSITORY, find_setup_cell, setup_cell

LINKING = ("README.md", "CITATION.cff")


def restamped(project: Project) -> dict[Path, str]:
    """Texts of all files that carry the address, as they should be.

    ValueError names a chapter that does not start with a set-up cell.
    """
    texts: dict[Path, str] = {}
    old: set[str] = set()
    for path in notebooks.chapters(project):
        text = path.read_text(encoding="utf8")
        try:
            cell = find_setup_cell(text)
        except ValueError as error:
            raise ValueError(f"{path.relative_to(project.root)}: {error}") from None
        old.update(REPOSITORY.findall(cell))
        texts[path] = text.replace(cell, setup_cell(project.repository), 1)
    return texts | _links(project, old)


def _links(project: Project, old: set[str]) -> dict[Path, str]:
    paths = [project.root / name for name in LINKING if (project.root / name).exists()]
    texts = {path: path.read_text(encoding="utf8") for path in paths}
    for text in texts.values():
        old.update(re.findall(r"^repository-code: *[\"']?([^\s\"']+)", text, re.M))
    for address in sorted(old - {project.repository}):
        pages, new_pages = _site(address), _site(project.repository)
        for path, text in texts.items():
            text = re.sub(rf"{re.escape(address)}(?![\w-])", project.repository, text)
            texts[path] = re.sub(rf"{re.escape(pages)}(?![\w-])", new_pages, text)
    return texts


def _site(repository: str) -> str:
    owner, name = repository.split("/")[-2:]
    return f"https://{owner}.github.io/{name}"


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """Command line: the exit status is 1 if a check fails or a chapter cannot be stamped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of step")
    options = parser.parse_args(arguments)
    project = Project.load(root or Path(__file__).resolve().parents[1])
    try:
        stale = {path: text for path, text in restamped(project).items() if _differs(path, text)}
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in stale.items():
        name = path.relative_to(project.root)
        if options.check:
            print(f"{name} does not carry {project.repository}: run `python tools/restamp.py`")
        else:
            notebooks.write(path, text)
            print(f"wrote {name}")
    if options.check:
        return 1 if stale else 0
    return notebooks.main([], project.root)


def _differs(path: Path, text: str) -> bool:
    return path.read_text(encoding="utf8") != text


if __name__ == "__main__":
    sys.exit(main())
