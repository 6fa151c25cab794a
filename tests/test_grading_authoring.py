"""Assignments: what is read, what students get, and what is refused."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import homework
import nbformat
import pytest
from accessibility import accessibility_problems
from bs4 import BeautifulSoup
from homework import change
from minibook import ROOT
from site_browser import PHONE, open_browser, serve

from book.labels import collect
from book.leftovers import leftovers
from book.project import Project
from grading import build, exercises, imports, mistakes
from grading.assignments import TITLE, load, without_checks
from grading.marking import draw
from grading.package import Package
from grading.student import Writer
from grading.trial import SEEDS

SHIPPED = ("optimizers", "regularization")


# Exercises


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":tags: [stub]", ":tags: [test]", r"page\.md: ex-double has two test cells"),
        ("```{exercise-start} Twice", ":tags: [x]\n", r"page\.md: line \d+: .* has no partner"),
        (":label: ex-root", ":label: ex-double", r"page\.md: two exercises are called ex-double"),
        ("-start} ex-double", "-start} ex-none", r"page\.md: a solution to ex-none stands before"),
        (
            "```{solution-start} ex-double\n:class: dropdown\n```\n",
            "",
            r"page\.md: line \d+: the gate solution-end has no partner",
        ),
    ],
)
def test_errors_in_a_chapter_are_named(tmp_path, old, new, message):
    page = homework.create(tmp_path).root / "chapters" / "page.md"
    change(page, old, new)
    with pytest.raises(ValueError, match=message):
        exercises.read(page)


def test_a_solution_outside_of_its_gates_is_an_error(tmp_path):
    page = homework.create(tmp_path).root / "chapters" / "page.md"
    text = page.read_text()
    cell = re.search(r"^```\{code-cell\} ipython3\n:tags: \[solution\].*?^```\n", text, re.M | re.S)
    gate = "```{solution-end}\n```\n"
    page.write_text(text.replace(cell[0], "", 1).replace(gate, gate + cell[0], 1))
    with pytest.raises(ValueError, match="ex-double: its solution cell stands outside of"):
        exercises.read(page)


def test_an_exercise_is_found_with_its_statement_and_its_text():
    context, found = exercises.find("ex-opt-heavy-ball", [ROOT / "chapters" / "optimizers.md"])
    assert "import numpy as np" in context[0]
    assert found.title == "The best heavy ball"
    assert found.function == "best_heavy_ball"
    assert found.statement.startswith("In the direction of curvature $\\lambda$")
    assert found.explanation.startswith("1. The product of the roots is $\\beta < 1$.")
    assert found.explanation.endswith("So $q \\ge (\\sqrt\\kappa - 1) / (\\sqrt\\kappa + 1)$.")
    lines = found.chapter.read_text().splitlines()
    assert lines[found.line] == found.statement.splitlines()[0]


def test_a_misspelt_exercise_is_an_error_with_those_meant():
    with pytest.raises(ValueError, match="no exercise is called 'ex-opt-sdg'; did you mean ex-opt"):
        exercises.find("ex-opt-sdg", sorted((ROOT / "chapters").glob("*.md")))


# Assignments


@pytest.mark.parametrize("name", SHIPPED)
def test_the_assignments_of_the_project(name, tmp_path):
    package = load(name, ROOT).package()
    assert package.points == 100
    assert (package.name, len(package.questions)) == (name, 6)
    package.save(tmp_path)
    assert Package.load(tmp_path) == package
    assert datetime.fromisoformat(package.due) > datetime(2026, 1, 1)
    for question in package.questions:
        assert f"def {question.function}(" in question.solution
        assert "check(" not in question.solution
        assert question.tests.startswith(f"{TITLE}\n")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("homework.yml", "ex-root", "ex-roof", "no exercise is called 'ex-roof'; did you mean"),
        ("homework.yml", "ex-root", "qqq", "no exercise is called 'qqq'; there are 2 others"),
        ("homework.yml", "due:", "limits: {second: 3}\ndue:", "unknown limit 'second'; there are"),
        ("homework.yml", "due:", "limits: {seconds: -1}\ndue:", "seconds must be a number greater"),
        ("homework.yml", "due:", "limits: {memory: 1.5}\ndue:", "memory must be a whole number"),
        ("homework.yml", "points: 1}", "points: 0}", "points must be a positive number"),
        ("page.md", ":tags: [solution]", ":tags: [other]", "ex-double has no cell .* solution"),
        ("page.md", ":tags: [stub]", ":tags: [other]", "ex-double has no cell with the tag stub"),
        ("page.md", "\ncheck(double", "\n(double", "ex-double has no cell of tests that ends with"),
        ("page.md", "math.fabs(x)", "maths.fabs(x)", "ex-double uses maths, which no cell"),
        ("page.md", "    assert root", "    nn = 1\n    assert root", None),
        ("page.md", "def test_root", "math = 1\n\ndef test_root", "both have math"),
    ],
)
def test_errors_in_an_assignment_are_named(tmp_path, file, old, new, message):
    root = homework.create(tmp_path).root
    folder = "chapters" if file == "page.md" else "assignments"
    change(root / folder / file, old, new)
    if message is None:
        assert load("homework", root).package().questions
        return
    with pytest.raises(ValueError, match=message) as error:
        load("homework", root)
    assert str(error.value).startswith("homework.yml: ")


def test_two_exercises_that_define_one_name_do_not_fit_together(tmp_path):
    root = homework.create(tmp_path).root
    same = homework.DOUBLE.replace("ex-double", "ex-root")
    page = root / "chapters" / "page.md"
    page.write_text(page.read_text().replace(homework.ROOT_OF, same))
    with pytest.raises(ValueError, match=r"one notebook: both have double$"):
        load("homework", root)


def test_all_errors_are_named_at_once(tmp_path):
    root = homework.create(tmp_path).root
    change(root / "assignments" / "homework.yml", "ex-double", "ex-trouble")
    (root / "assignments" / "hidden" / "ex-root.py").unlink()
    with pytest.raises(ValueError, match="ex-trouble") as error:
        load("homework", root)
    assert "ex-root has no hidden tests: write assignments/hidden/ex-root.py" in str(error.value)


@pytest.mark.parametrize("name", ["nothing", "nothing.yml", "../assignments/homework", ""])
def test_an_assignment_that_is_not_there_is_an_error_with_those_that_are(tmp_path, name):
    root = homework.create(tmp_path).root
    with pytest.raises(
        ValueError, match=r"there is no assignment .*; there are: homework|named by"
    ):
        load(name, root)


def test_what_lies_beside_a_private_file_comes_first(tmp_path):
    root = homework.create(tmp_path / "project").root
    sheet = homework.private(tmp_path / "private")
    package = load(str(sheet), root).package()
    assert [question.label for question in package.questions] == ["ex-own", "ex-root"]
    assert package.name == "exam"
    (sheet.parent / "hidden" / "ex-root.py").write_text(f"{homework.HIDDEN}\nPRIVATE = 1\n")
    page = sheet.parent / "exercises" / "again.md"
    page.write_text(homework.PAGE.replace("Root of it", "Private root"))
    question = load(str(sheet), root).package().questions[1]
    assert "PRIVATE" in question.hidden
    assert question.title == "Private root"


def test_the_solution_of_a_package_checks_nothing():
    code = "import a\n\ncheck(f, *tests)\n\ndef f():\n    check(1)\n\ncheck(\n    f,\n    t,\n)\n"
    assert without_checks(code) == "import a\n\n\ndef f():\n    check(1)"


# Imports


def cell_for(*codes: str, context: str = "") -> str:
    return imports.join({"ex": imports.needed([context], codes, "ex")})


CONTEXT = """\
import itertools, math
import numpy as np
import course_utils.optim as optim
from torch import nn
from course_utils.losses import (
    cross_entropy,
    temperature_scale as scale,
)

seed(0)
A, B = 1, 2

@decorated
def helper(x):
    return other(x) + nn.Linear(A, 1)

def other(y):
    math = 3
    return np.sum(y) + math

def decorated(f):
    return f

def unused(x):
    return x
"""


def test_only_what_is_needed_is_imported_and_what_that_needs():
    assert cell_for("helper(1)", context=CONTEXT) == (
        "import numpy as np\nfrom torch import nn\n\nA, B = 1, 2\n\n@decorated\ndef helper(x):\n"
        "    return other(x) + nn.Linear(A, 1)\n\ndef other(y):\n    math = 3\n"
        "    return np.sum(y) + math\n\ndef decorated(f):\n    return f"
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("math.pi", "import math"),
        ("scale(1)", "from course_utils.losses import temperature_scale as scale"),
        ("optim.SGD", "from course_utils import optim"),
        ("def f(math):\n    return math", ""),
        ("def f():\n    return [math for math in (1, 2)]", ""),
        ("def f():\n    return [math for i in (1, 2)]", "import math"),
        ("class C:\n    def f(self):\n        return math", "import math"),
        ("math = 1\nmath", ""),
        ("len([])", ""),
        ("lambda x=math: x", "import math"),
        ("nn.x, math.y, cross_entropy", None),
    ],
)
def test_names_are_those_that_python_would_look_up(code, expected):
    if expected is None:
        expected = (
            "import math\n\nfrom torch import nn\n\nfrom course_utils.losses import cross_entropy"
        )
    assert cell_for(code, context=CONTEXT) == expected


def test_a_name_that_nothing_binds_is_an_error():
    with pytest.raises(ValueError, match="ex uses nowhere, which no cell with the tag `context`"):
        cell_for("nowhere(1)", context=CONTEXT)


@pytest.mark.parametrize(
    ("one", "two", "fits"),
    [
        ("import course_utils.nn as cn", "from course_utils import nn as cn", True),
        ("import torch.nn", "import torch.optim", True),
        ("from a import f", "from b import f", False),
        ("from a import f", "def f(): pass", False),
        ("def f(): pass", "def f(): pass", True),
        ("f = 1", "f = 2", False),
    ],
)
def test_a_name_that_two_exercises_need_stands_for_one_thing(one, two, fits):
    name = sorted(imports.bound(one))[0]
    groups = {
        label: imports.needed([context], [f"print({name})"], label)
        for label, context in (("ex-a", one), ("ex-b", two))
    }
    if fits:
        assert imports.join(groups)
    else:
        with pytest.raises(ValueError, match=f"ex-a and ex-b cannot be in one notebook: {name} is"):
            imports.join(groups)


def test_a_cell_of_helpers_that_is_too_long_is_an_error():
    body = "def f():\n" + "    x = 1\n" * 70
    with pytest.raises(ValueError, match="take 71 lines, more than 60"):
        cell_for("f()", context=body)


@pytest.mark.parametrize("chapter", sorted((ROOT / "chapters").glob("*.md")), ids=lambda p: p.stem)
def test_every_exercise_of_the_book_can_be_assigned(chapter):
    context, found = exercises.read(chapter)
    for exercise in found:
        cells = [exercise.stub, exercise.test, exercise.solution]
        cell = imports.join({exercise.label: imports.needed(context, cells, exercise.label)})
        assert imports.bound(cell) >= {"check"}
        compile(cell, exercise.label, "exec")


# The student's notebook


@pytest.fixture(scope="module")
def real() -> Project:
    return Project.load(ROOT)


@pytest.fixture(scope="module", params=SHIPPED)
def notebooks(request, real) -> tuple[nbformat.NotebookNode, nbformat.NotebookNode]:
    """Of students, and with solutions."""
    assignment, labels = load(request.param, ROOT), collect(real)
    student, solution = (Writer(assignment, real, labels, s).notebook() for s in (False, True))
    return student, solution


def cells_of(notebook: nbformat.NotebookNode, tag: str) -> list[str]:
    return [c.source for c in notebook.cells if tag in c.metadata.get("tags", ())]


def test_the_notebook_is_valid_plain_and_the_same_each_time(notebooks, real):
    student, _ = notebooks
    nbformat.validate(student)
    name = student.cells[0].source.split("\n")[0].removeprefix("# ").lower()
    again = Writer(load(name, ROOT), real, collect(real), False).notebook()
    assert nbformat.writes(again) == nbformat.writes(student)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in student.cells)
    assert len({cell.id for cell in student.cells}) == len(student.cells)
    for cell in student.cells:
        assert cell.cell_type == "code" or not leftovers(cell.source)


def test_its_cells_are_those_of_the_chapters(notebooks):
    student, solution = notebooks
    chapters = {
        cell.source: cell.metadata.get("tags")
        for path in (ROOT / "chapters").glob("*.ipynb")
        for cell in nbformat.read(path, 4).cells
    }
    (setup,) = cells_of(student, "setup")
    assert chapters[setup][0] == "setup"
    stubs, tests = cells_of(student, "stub"), cells_of(student, "test")
    assert len(stubs) == len(tests) == 6
    assert all(chapters[stub] == ["stub"] for stub in stubs)
    for test in tests:
        title, rest = test.split("\n", 1)
        assert title == TITLE
        assert chapters[rest][0] == "test"
    assert cells_of(solution, "stub") == stubs
    assert cells_of(solution, "test") == tests
    assert len(cells_of(solution, "solution")) == 6
    assert cells_of(student, "solution") == []


def test_students_read_what_to_do_how_much_it_counts_and_when(notebooks):
    student, solution = notebooks
    texts = [cell.source for cell in student.cells if cell.cell_type == "markdown"]
    assert re.match(
        r"# \w+\n\n\*\*100 points · due \d+ March 2027, 23:59\*\*\n\nRun the two", texts[0]
    )
    numbers = [re.match(r"## (\d)\. .+ \((\d+) points\)\n\n\[Exercise ", t) for t in texts[1:-1]]
    assert [int(match[1]) for match in numbers] == [1, 2, 3, 4, 5, 6]
    assert sum(int(match[2]) for match in numbers) == 100
    assert texts[-1].startswith("## Hand in")
    assert "March 2027, 23:59" in texts[-1]
    links = re.findall(r"\]\((\S+)\)", "\n".join(texts))
    assert len(links) > 6
    assert all(re.match(r"https://\S+/chapters/\w+\.html(#[\w-]+)?$", link) for link in links)
    for text in texts[1:]:  # no text of a solution
        assert "olution" not in text
    assert "Not for students" in solution.cells[0].source


def test_the_code_of_tests_is_closed_in_colab_and_in_jupyterlab(notebooks):
    for cell in notebooks[0].cells:
        closed = "test" in cell.metadata.get("tags", ())
        assert (cell.metadata.get("cellView") == "form") == closed
        assert cell.metadata.get("jupyter", {}).get("source_hidden", False) == closed


def test_it_needs_nothing_that_colab_does_not_have(notebooks):
    for source in cells_of(notebooks[0], "context"):
        modules = set(re.findall(r"^(?:from|import) (\w+)", source, re.M))
        assert modules <= {"itertools", "math", "numpy", "torch", "course_utils"}
        assert source.count("\n") < 15


# All of it


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The folder of the tiny assignment, and beside it the project."""
    root = homework.create(tmp_path_factory.mktemp("authoring") / "project").root
    return build.make("homework", root, root / "_build" / "assignments")


def test_an_assignment_is_written_whole(made, capsys):
    found = {p.relative_to(made).as_posix() for p in made.rglob("*") if "_utils" not in str(p)}
    assert found >= {
        "student/homework.ipynb",
        "solution/homework.ipynb",
        "rubric.html",
        "homework_autograder.zip",
        "autograder/package.json",
    }
    assert [path.name for path in made.parent.iterdir()] == ["homework"]
    package = Package.load(made / "autograder")
    student = json.loads((made / "student" / "homework.ipynb").read_text())
    sources = ["".join(cell["source"]) for cell in student["cells"]]
    assert {question.tests for question in package.questions} < set(sources)
    assert package.context in sources
    text = (made / "student" / "homework.ipynb").read_text()
    for secret in ("copysign", "everybody knows", "Positive numbers", "float(x)"):
        assert secret not in text
        assert (
            secret
            in (made / "solution" / "homework.ipynb").read_text() + package.questions[0].hidden
        )


def test_the_same_assignment_is_made_again_byte_by_byte(made, capsys):
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    build.make("homework", made.parents[2], made.parent)
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Homework: 2 exercises, 11 points"
    assert lines[1] == "  ex-double: ok; 2 parts, 3 of 3 wrong answers found"
    assert "0 files of the site" in lines[3]
    assert "no site is built" in lines[4]


def test_the_rubric_says_what_counts_and_what_mistakes_cost(made):
    page = BeautifulSoup((made / "rubric.html").read_text(), "html.parser")
    assert page.html["lang"] == "en"
    assert page.title.text == "Rubric: Homework"
    double, root = page.select("section")
    rows = [[cell.text for cell in row.select("th, td")] for row in double.select("tbody tr")]
    assert rows == [["Positive numbers", "5", "1, 2"], ["Large numbers", "5", "1, 2, 3"]]
    assert [th["scope"] for th in double.select("th")] == ["col"] * 3 + ["row"] * 2
    names = [" ".join(summary.text.split()) for summary in double.select("summary")]
    assert names == ["three times: −10", "once: −10", "right for small numbers: −5"]
    assert "+     return 3 * x" in double.pre.text
    assert "derivation" not in double.text
    assert "asks for a derivation" in root.text
    assert root.h2.text == "2. Root of it"


@pytest.fixture(scope="module")
def browser(made):
    with serve(made) as address, open_browser(address) as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_rubric_is_accessible_and_fits_a_phone(browser, scheme):
    page = browser.open("rubric.html", scheme, PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(x => x.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 25, 29)"}[scheme]
    assert browser.complaints == []
    assert accessibility_problems(page) == []


HIDDEN = "assignments/hidden/ex-double.py"
WRONG = "tests/wrong_answers/page.py"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (HIDDEN, "function(number)", "function(-number) + number", None),
        (
            HIDDEN,
            "    return function(number)",
            "    import random\n    return function(number) + random.random()",
            "ex-double: the solution fails 'Positive numbers': off by up to",
        ),
        (
            HIDDEN,
            "    return function(number)",
            "    return 1.0",
            "ex-double: the stub gets points for 'Positive numbers'",
        ),
        (
            HIDDEN,
            "    return function(number)",
            "    return function(number) > 0",
            "ex-double: the hidden tests find 0 of 3 wrong answers, and must find 2 or more",
        ),
        (
            HIDDEN,
            '    yield Case("Large',
            '    yield Case("Large", {"x": 1.0}',
            "its tests cannot be run: SyntaxError",
        ),
        (
            HIDDEN,
            "draw.uniform(1.0",
            "draw.nothing(1.0",
            "ex-double: its tests cannot be run: Attr",
        ),
        (WRONG, "3 * x", "2 * x", None),
        (
            WRONG,
            '"ex-root": [',
            '"ex-roof": [',
            "ex-root: write wrong answers into tests/wrong_answers/page.py",
        ),
        (
            "chapters/page.md",
            "assert double(2.0) == 4.0",
            "assert double(2.0) == 5.0",
            "ex-double: the public tests say of the solution: double, wrong",
        ),
        (
            "chapters/page.md",
            "raise NotImplementedError",
            "return 0.0",
            "ex-double: the public tests say of the stub: double, wrong",
        ),
        (
            "chapters/page.md",
            "Return $2x$.",
            "Return $2x$. Hint:\n\n    yield Case('Positive numbers', {'number': "
            "draw.uniform(1.0, 2.0)})\n    yield Case('Large numbers', {'number': "
            "draw.uniform(100.0, 200.0)})\n",
            "ex-root: 'cases' of the hidden tests can be read in student/homework.ipynb: yield",
        ),
        (
            "assignments/homework.yml",
            "solutions: withheld",
            "solutions: published",
            "homework.yml says that solutions are published, and is due in the future: write",
        ),
    ],
)
def test_what_would_mark_wrongly_is_refused(made, tmp_path, capsys, file, old, new, message):
    root = homework.copy(made.parents[2], tmp_path / "project")
    out = root / "_build" / "assignments"
    before = sorted(path for path in out.rglob("*"))
    stamp = (out / "homework" / "rubric.html").stat().st_mtime_ns
    change(root / file, old, new)
    if message is None:
        build.make("homework", root, out)
        assert (out / "homework" / "rubric.html").stat().st_mtime_ns > stamp
        return
    with pytest.raises(ValueError, match=re.escape(message)):
        build.make("homework", root, out)
    assert sorted(path for path in out.rglob("*")) == before
    assert (out / "homework" / "rubric.html").stat().st_mtime_ns == stamp


def test_a_solution_must_be_right_for_several_draws(made, tmp_path):
    root = homework.copy(made.parents[2], tmp_path / "project")
    package = load("homework", root).package()
    numbers = [draw(package, seed)[0][2].inputs["number"] for seed in SEEDS]
    judge = "\n\ndef judge(inputs, expected, answer):\n    return {}\n"
    for seed in SEEDS:
        unlucky = f"'unlucky' * (inputs['number'] == {numbers[seed]!r} or expected != answer)"
        (root / HIDDEN).write_text(homework.HIDDEN + judge.format(unlucky))
        with pytest.raises(ValueError, match="the solution fails 'Positive numbers': unlucky"):
            build.make("homework", root, tmp_path / "out")


def test_titles_of_wrong_answers_are_the_comments_beside_them(tmp_path):
    path = tmp_path / "page.py"
    path.write_text(homework.WRONG)
    titles = [title for title, _ in mistakes.find("ex-double", [path])]
    assert titles == ["three times", "once", "right for small numbers"]
    path.write_text('ANSWERS = ["a", "b"]\nWRONG = {"ex-a": ANSWERS}\n')
    assert [title for title, _ in mistakes.find("ex-a", [path])] == [
        "wrong answer 1",
        "wrong answer 2",
    ]
    assert mistakes.find("ex-b", [path]) == []


def test_a_private_assignment_is_made_like_any_other(tmp_path, capsys):
    root = homework.create(tmp_path / "project").root
    sheet = homework.private(tmp_path / "private")
    folder = build.make(str(sheet), root, tmp_path / "out")
    assert folder == tmp_path / "out" / "exam"
    assert "ex-own: ok; 2 parts, 3 of 3 wrong answers found" in capsys.readouterr().out
    student = (folder / "student" / "exam.ipynb").read_text()
    assert "## 1. Own (10 points)" in student
    assert "if x else 0.0" not in student
