"""A page for each student, and one for those who grade: whole in one file, without a script."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grading.files import one_line, write
from grading.grades import number
from grading.hints import cell_hint, hint
from grading.package import Package
from grading.records import Verdict
from grading.results import Result, Results

TEMPLATES = Path(__file__).parent / "templates"
_KINDS = {"right": "right", "not attempted": "open", "not reached": "open"}
_SIGNS = {"right": "✓", "open": "○", "wrong": "✗"}


def write_pages(
    results: Results, package: Package, all_: Sequence[Result], problems: Sequence[str] = ()
) -> None:
    """Write `feedback/STUDENT.html` for all who have a verdict, and `index.html`.

    problems: what is to be said of files without a student.
    """
    for result in all_:
        path = results.feedback / f"{result.student}.html"
        if result.verdict:
            write(path, page(package, result.verdict))
        else:  # a page of an earlier file of this student says nothing true any more
            path.unlink(missing_ok=True)
    write(results.folder / "index.html", index(package, all_, problems))


def page(package: Package, verdict: Verdict) -> str:
    """The page of a student: points, what was right, and what to look at."""
    return render(
        "feedback.html",
        package=package,
        verdict=verdict,
        hint=hint,
        cells=[cell_hint(note) for note in verdict.notes if note.kind == "cell"][:20],
        unreadable=any(note.kind == "unreadable" for note in verdict.notes),
    )


def index(package: Package, results: Sequence[Result], problems: Sequence[str] = ()) -> str:
    """The page of those who grade: all students, with what they should look at."""
    points = [result.verdict.points for result in results if result.verdict]
    return render(
        "index.html",
        package=package,
        results=sorted(results, key=lambda result: result.student),
        graded=points,
        mean=sum(points) / len(points) if points else None,
        problems=problems,
    )


def render(template: str, **values: object) -> str:
    """A page from a template, with its style inside."""
    style = (TEMPLATES / "page.css").read_text(encoding="utf8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    values |= {"style": Markup(style), "style_hash": Markup(f"sha256-{digest}")}
    return _environment().get_template(template).render(values) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "points": number,
        "line": one_line,
        "code": _code,
        "kind": _kind,
        "sign": lambda status: _SIGNS[_kind(status)],
    }
    return environment


def _kind(status: str) -> str:
    return _KINDS.get(status, "wrong")


def _code(text: str) -> Markup:
    """A text with `code` in it."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text)))
