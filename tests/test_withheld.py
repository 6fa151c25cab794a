"""Solutions of assigned exercises: nowhere in the book, and nothing else changes."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from minibook import MiniBook, cell

from book import notebooks
from book.assigned import read, withheld
from book.gates import gated
from book.labels import collect
from book.project import Project
from book.withheld import withhold
from grading import exercises

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(p for p in (ROOT / "chapters").glob("*.md") if "exercise-start" in p.read_text())
TABLE = "\n```{assignments}\n```\n"
CHAPTER = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def exercise(label: str, number: int) -> str:
    """An exercise as chapters have them; its solution has a sentence and a function."""
    return f"""\
```{{exercise-start}} Return {number}
:label: {label}
```
Return it.
```{{exercise-end}}
```

{cell(f"def f{number}(): raise NotImplementedError", "stub")}
```{{solution-start}} {label}
:class: dropdown
```
The number sought is simply {number}.
{cell(f"def f{number}(): return {number}", "solution")}
```{{solution-end}}
```

"""


PAGE = "# Chapter\n\n" + exercise("ex-a", 11) + exercise("ex-b", 22) + "The end.\n"
SHEET = """\
title: Homework
due: 2027-03-01 23:59
solutions: {solutions}
exercises:
  - {{exercise: ex-a, points: 1}}
"""


@CHAPTER
def test_only_the_solutions_go_and_all_lines_keep_their_numbers(chapter):
    text = chapter.read_text(encoding="utf8")
    for part in gated(text):
        if part.what == "solution":
            made = withhold(text, {part.label: "One"})
            assert made.count("\n") == text.count("\n")
            assert made.startswith(text[: part.start])
            assert made.endswith(text[part.end :])
            inside = made[part.start : len(made) - len(text) + part.end]
            assert "assignment *One*" in inside
            left = {line for line in text[part.body].splitlines() if len(line) > 3}
            assert not left & set(inside.splitlines())


@CHAPTER
def test_a_solution_holds_nothing_that_another_place_needs(chapter):
    """So that any exercise can be assigned: no label, mark of the ledgers, or quoted number."""
    text = chapter.read_text(encoding="utf8")
    for part in gated(text):
        if part.what == "solution":
            needed = r"^\(\S+\)=|:label:|:name:|\$\$ *\(|\{(lecture|errata)\}|claim\(|glue"
            assert not re.search(needed, text[part.body], re.M), part.label


@CHAPTER
def test_no_cell_after_a_solution_uses_it(chapter):
    text = chapter.read_text(encoding="utf8")
    for found in exercises.read(chapter)[1]:
        after = text.split(found.solution, 1)[1]
        code = re.findall(r"^```\{code-cell\}.*?\n(?::.*\n)*(.*?)^```$", after, re.M | re.S)
        for node in ast.walk(ast.parse("\n".join(code))):
            if isinstance(node, ast.Name | ast.FunctionDef):
                name = node.id if isinstance(node, ast.Name) else node.name
                assert name != found.function, found.label


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```{solution} ex-a\nIt.\n```\n", "the solution to ex-a cannot be withheld"),
        ("```{solution-start} ex-a\n```\nIt.\n", "line 1: the gate solution-start has no partner"),
        ("a\n```{solution-end}\n```\n", "line 2: the gate solution-end has no partner"),
        ("```{solution-start}\n```\n```{solution-end}\n```\n", "line 1: .* has no label"),
        ("```{exercise-start} T\n```\n```{solution-end}\n```\n", "line 3: .* has no partner"),
    ],
)
def test_what_cannot_be_withheld_is_an_error(text, message):
    with pytest.raises(ValueError, match=message):
        withhold(text, {"ex-a": "One"})
    assert withhold(text, {}) == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("title: Homework", "titel: Homework"), "unknown key 'titel'; allowed are due,"),
        (("title: Homework", "titel: Homework"), "no title"),
        (("title: Homework", "title: 3"), "title must be a text, got 3"),
        (("due: 2027-03-01 23:59\n", ""), "no due"),
        (("2027-03-01 23:59", "2027-03-01"), "due must be a date and a time .* got '2027-03-01'"),
        (("2027-03-01 23:59", "'2027-03-01'"), "due must be a date and a time"),
        (("2027-03-01 23:59", "1 March"), "due must be .* got '1 March'"),
        (("withheld", "hidden"), "solutions must be withheld or published, got 'hidden'"),
        (("  - {", "  - {"), None),
        ((", points: 1", ""), "ex-a has no points"),
        (("points: 1", "points: 0"), "ex-a: points must be a positive number, got 0"),
        (("points: 1", "points: many"), "ex-a: points must be a positive number, got 'many'"),
        (("points: 1", "points: 1, weight: 2"), "ex-a: unknown key 'weight'"),
        (("exercise: ex-a", "label: ex-a"), "entry 1 of exercises names no exercise"),
        (("exercises:\n", "exercises:\n  - {exercise: ex-a, points: 2}\n"), "ex-a is listed twice"),
        (("  - {exercise: ex-a, points: 1}\n", ""), "no exercises"),
        (("title: Homework", "limits: 3"), "limits must be a mapping, got 3"),
        (("title: Homework", "- a"), "homework.yml is not YAML"),
    ],
)
def test_errors_in_the_file_of_an_assignment_are_named(tmp_path, change, message):
    path = tmp_path / "homework.yml"
    path.write_text(SHEET.format(solutions="withheld").replace(*change))
    if message is None:
        assert read(path).points == {"ex-a": 1.0}
        return
    with pytest.raises(ValueError, match=message) as error:
        read(path)
    assert all(line.startswith("homework.yml") for line in str(error.value).splitlines()[:1])


def test_the_solutions_of_all_open_assignments_are_withheld(tmp_path):
    folder = tmp_path / "assignments"
    folder.mkdir()
    sheet = SHEET.format(solutions="withheld")
    (folder / "one.yml").write_text(sheet)
    (folder / "two.yaml").write_text(sheet.replace("Homework", "More").replace("ex-a", "ex-b"))
    (folder / "old.yml").write_text(SHEET.format(solutions="published"))
    (folder / "three.yml").write_text(sheet.replace("Homework", "Again"))
    assert withheld(tmp_path) == {"ex-a": "Homework and Again", "ex-b": "More"}
    assert withheld(tmp_path / "elsewhere") == {}


def readable(book: MiniBook) -> str:
    """All text of the site and of the notebooks."""
    site = book.root / "_build" / "html"
    files = [*site.rglob("*.html"), *site.rglob("*.js"), *(site / "_sources").rglob("*.*")]
    text = "\n".join(path.read_text(encoding="utf8") for path in files)
    for path in (book.root / "chapters").glob("*.ipynb"):
        text += "\n".join("".join(c["source"]) for c in json.loads(path.read_text())["cells"])
    return re.sub(r"<[^>]+>", "", text)


def test_solutions_come_and_go_with_the_file_of_the_assignment(tmp_path, capsys):
    book = MiniBook.create(
        tmp_path, index="# Index\n" + TABLE, page=PAGE, other="# Other\n" + cell("2")
    )
    sheet = tmp_path / "assignments" / "homework.yml"
    sheet.parent.mkdir()

    def build(executed: int, solution: bool) -> None:
        assert notebooks.main([], tmp_path) == 0
        assert book.build() == 0, book.log
        assert book.executed == executed
        text = readable(book)
        for secret in ("The number sought is simply 11", "def f11(): return 11"):
            assert (secret in text) == solution
        assert ("part of the assignment" in text) != solution
        assert "The number sought is simply 22" in text
        assert "def f22(): return 22" in text

    sheet.write_text(SHEET.format(solutions="withheld"))
    build(executed=2, solution=False)
    assert "page.md" in str([*(tmp_path / "_build/html/_sources").rglob("*")])
    sheet.write_text(SHEET.format(solutions="published"))
    assert notebooks.main(["--check"], tmp_path) == 1
    assert "chapters/page.ipynb is out of date" in capsys.readouterr().out
    build(executed=1, solution=True)
    sheet.rename(sheet.with_name("again.yml"))
    sheet.with_name("again.yml").write_text(SHEET.format(solutions="withheld"))
    build(executed=0, solution=False)

    table = re.sub(r"<[^>]+>|\s+", " ", book.page("index").split("<tbody>")[1])
    assert table.split("</tbody>")[0].split()[:5] == ["again", "Return", "11", ",", "ex-a"]

    sheet.write_text(SHEET.format(solutions="no"))
    assert book.build() != 0
    assert "homework.yml: solutions must be withheld or published, got" in book.log


def test_numbers_and_places_do_not_count_what_is_withheld(tmp_path):
    equation = "$$ a $$ (eq-inside)\n"
    page = PAGE.replace("The number sought is simply 11.\n", equation) + "\n$$ b $$ (eq-after)\n"
    book = MiniBook.create(tmp_path, index="# Index\n", page=page)
    assert collect(Project.load(book.root)).targets["eq-after"].number == "2"
    (tmp_path / "assignments").mkdir()
    (tmp_path / "assignments/homework.yml").write_text(SHEET.format(solutions="withheld"))
    found = collect(Project.load(book.root)).targets
    assert found["eq-after"].number == "1"
    assert "eq-inside" not in found
    assert notebooks.main([], tmp_path) == 0
    assert "\\tag{1}" in (tmp_path / "chapters" / "page.ipynb").read_text()
