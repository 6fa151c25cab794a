"""`make assignment`: tries an assignment out, and writes it if nothing is wrong with it."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import nbformat

from book.labels import collect
from book.project import Project
from grading import leaks
from grading.assignments import Assignment, load
from grading.files import write
from grading.gradescope import pack
from grading.package import Package
from grading.rubric import Row, rubric
from grading.student import Writer
from grading.trial import Trial


def make(name: str, root: Path, out: Path) -> Path:
    """Write all files of an assignment into `out/NAME` and return that folder.

    name: of a file in `assignments/`, or the path of a YAML file. Nothing is written unless the
    solution gets full marks, the stub none, typical mistakes lose points, and no solution or
    hidden test can be read where students look. ValueError lists all that is wrong.
    """
    assignment = load(name, root)
    package = assignment.package()
    _say(f"{package.title}: {len(assignment.items)} exercises, {package.points:g} points")
    problems = _published_too_early(assignment, datetime.now(assignment.sheet.due.tzinfo))
    trials = [
        Trial(item, question, package, assignment.sheet, root)
        for item, question in zip(assignment.items, package.questions, strict=True)
    ]
    for trial in trials:
        problems += trial.problems
        _say(f"  {trial.summary}")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=f".{package.name}.") as temporary:
        new = Path(temporary, "new")
        _write(assignment, package, [trial.row for trial in trials], root, new)
        problems += _leaks(assignment, root, new / "student" / f"{package.name}.ipynb")
        if problems:
            raise ValueError("\n".join([f"{package.name} was not written:", *problems]))
        _swap(new, out / package.name, Path(temporary, "old"))
    _say(f"written: {out / package.name}")
    return out / package.name


def _swap(new: Path, target: Path, old: Path) -> None:
    if target.exists():
        target.rename(old)
    new.rename(target)


def _write(
    assignment: Assignment, package: Package, rows: list[Row], root: Path, folder: Path
) -> None:
    project = Project.load(root)
    labels = collect(project)
    for kind in ("student", "solution"):
        notebook = Writer(assignment, project, labels, solutions=kind == "solution").notebook()
        (folder / kind).mkdir(parents=True)
        path = folder / kind / f"{package.name}.ipynb"
        write(path, f"{nbformat.writes(notebook)}\n", 0o644)
    write(folder / "rubric.html", rubric(package, rows), 0o644)
    pack(package, folder)


def _leaks(assignment: Assignment, root: Path, student: Path) -> list[str]:
    """Solutions and hidden tests that students can read, one sentence each."""
    hidden = list(leaks.hidden_tests(assignment))
    secrets = [*leaks.solutions(assignment), *hidden]
    published = assignment.sheet.solutions == "published"
    site, chapters = leaks.site_files(root), leaks.notebooks(root)
    problems = leaks.leaks(secrets, [student], student.parents[1])
    if public := leaks.leaks(hidden if published else secrets, [*chapters, *site], root):
        problems += [*public, "if the book is older than the assignment, run `make book` first"]
    if problems:
        return problems
    what = "hidden test" if published else "solution or hidden test"
    _say(f"no {what} can be read in {len(chapters)} notebooks and {len(site)} files of the site")
    if not site:
        _say("no site is built in _build/html: before you publish one, run this again")
    return []


def _published_too_early(assignment: Assignment, now: datetime) -> list[str]:
    sheet = assignment.sheet
    if sheet.solutions == "withheld" or sheet.due < now:
        return []
    return [
        f"{sheet.path.name} says that solutions are published, and is due in the future: write "
        "`solutions: withheld`, then `make book`"
    ]


def _say(line: str) -> None:
    print(line, flush=True)
