"""Generates `chapters/NAME.ipynb`, for Colab and JupyterLab, from `chapters/NAME.md`.

Code cells are those that MyST-NB reads, to the letter, so that one execution serves book and
notebook; the text becomes plain Markdown. Ids of cells come from their content: to insert or
change one cell changes no other id, where ids by position would all move.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from book.chapter import generate
from book.labels import collect, front_matter
from book.project import Project


def chapters(project: Project) -> list[Path]:
    """Text sources that are notebooks: those with a kernelspec."""
    return [p for p in project.pages if "kernelspec" in front_matter(p.read_text(encoding="utf8"))]


def generate_all(project: Project, names: list[str] | None = None) -> dict[Path, str]:
    """Texts of the notebooks by path; ValueError names a chapter that does not exist."""
    paths = chapters(project)
    unknown = set(names or ()) - {path.stem for path in paths}
    if unknown:
        raise ValueError(f"no chapter is called {', '.join(sorted(unknown))}")
    labels = collect(project)
    wanted = [path for path in paths if not names or path.stem in names]
    return {path.with_suffix(".ipynb"): generate(path, project, labels) for path in wanted}


def out_of_date(texts: dict[Path, str]) -> list[Path]:
    """Those of the notebooks that are missing or differ."""
    return [p for p, text in texts.items() if not p.exists() or p.read_text("utf8") != text]


def write(path: Path, text: str) -> None:
    """Replace a file in one step: an interrupted run leaves the old one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf8", newline="\n") as stream:
            stream.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def orphans(project: Project) -> list[Path]:
    """Notebooks whose chapter is gone."""
    expected = {path.with_suffix(".ipynb") for path in chapters(project)}
    found = set((project.root / "chapters").rglob("*.ipynb")) - expected
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def main(arguments: list[str] | None = None, root: Path | None = None) -> int:
    """Command line: write notebooks, or with `--check` list those out of date and return 1."""
    parser = argparse.ArgumentParser(prog="python -m book.notebooks", description=__doc__)
    parser.add_argument("names", nargs="*", help="chapters without suffix; all if none is given")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of date")
    options = parser.parse_args(arguments)
    project = Project.load(root or Path(__file__).parent.parent)
    try:
        texts = generate_all(project, options.names)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    stale = out_of_date(texts)
    if options.check:
        for path in stale:
            print(f"{path.relative_to(project.root)} is out of date: run `make notebooks`")
        extra = [] if options.names else orphans(project)
        for path in extra:
            print(f"{path.relative_to(project.root)} has no chapter: delete it")
        return 1 if stale or extra else 0
    for path in stale:
        write(path, texts[path])
        print(f"wrote {path.relative_to(project.root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
