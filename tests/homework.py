"""A tiny project with one assignment: two exercises, hidden tests, and wrong answers."""

from __future__ import annotations

import shutil
from pathlib import Path

from minibook import HEADER, ROOT, MiniBook, cell

SETUP = cell(
    "import math\n\nimport torch\nfrom torch import nn\n\nfrom course_utils.checks import check",
    "context",
)
SHEET = """\
title: Homework
due: 2027-03-01 23:59
solutions: withheld
exercises:
  - {exercise: ex-double, points: 10}
  - {exercise: ex-root, points: 1}
"""
HIDDEN = '''\
"""Hidden tests."""

from grading.drawing import Draw
from grading.hidden import Case


def call(function, number):
    return function(number)


def cases(generator):
    draw = Draw(generator)
    yield Case("Positive numbers", {"number": draw.uniform(1.0, 2.0)})
    yield Case("Large numbers", {"number": draw.uniform(100.0, 200.0)})
'''


def exercise(label: str, title: str, function: str, statement: str, code: str, test: str) -> str:
    """An exercise as chapters have them."""
    stub = f'def {function}(x):\n    """Return it."""\n    raise NotImplementedError'
    tests = f"def test_{function}({function}):\n    {test}\n\ncheck({function}, test_{function})"
    answer = f'def {function}(x):\n    """Return it."""\n    {code}\n\n{tests.splitlines()[-1]}'
    return f"""\
```{{exercise-start}} {title}
:label: {label}
```
{statement}
```{{exercise-end}}
```

{cell(stub, "stub")}
{cell(tests, "test", "hide-input")}
```{{solution-start}} {label}
:class: dropdown
```
Nothing is easier than to do it in one go, as everybody knows.
{cell(answer, "solution")}
```{{solution-end}}
```

"""


DOUBLE = exercise(
    "ex-double",
    "Twice",
    "double",
    "Return $2x$. See {ref}`sec-theory`.",
    "return x + math.fabs(x) * math.copysign(1.0, x)",
    "assert double(2.0) == 4.0",
)
ROOT_OF = exercise(
    "ex-root",
    "Root of it",
    "root",
    "Return the root. Show that it is unique.",
    "return torch.tensor(float(x)).sqrt().item()",
    "assert root(4.0) == 2.0",
)
PAGE = f"# Chapter\n\n{SETUP}\n(sec-theory)=\n## Theory\n\nText.\n\n{DOUBLE}{ROOT_OF}The end.\n"
WRONG = """\
WRONG = {
    "ex-double": [
        # three times
        "def double(x):\\n    return 3 * x",
        "def double(x):\\n    return x",  # once
        # right for small numbers
        "def double(x):\\n    return 2 * x if x < 50 else x",
    ],
    "ex-root": [
        # the square
        "def root(x):\\n    return x**2",
        # the half
        "def root(x):\\n    return x / 2",
    ],
}
"""


def create(root: Path) -> MiniBook:
    """Write the project; its site is not built yet."""
    book = MiniBook.create(root, index="# Index\n", page=PAGE)
    files = {
        "assignments/homework.yml": SHEET,
        "assignments/hidden/ex-double.py": HIDDEN,
        "assignments/hidden/ex-root.py": HIDDEN,
        "tests/wrong_answers/page.py": WRONG,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf8")
    return book


def change(path: Path, old: str, new: str) -> None:
    """Replace a text that must be in a file."""
    text = path.read_text(encoding="utf8")
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new), encoding="utf8")


def private(folder: Path) -> Path:
    """An assignment in a folder of its own, with an exercise that is in no book; its sheet."""
    for name in ("exercises", "hidden", "wrong_answers"):
        (folder / name).mkdir(parents=True)
    own = exercise(
        "ex-own",
        "Own",
        "own",
        "Return half of it.",
        "return x / 2 if x else 0.0",
        "assert own(4.0) == 2.0",
    )
    (folder / "exercises" / "mine.md").write_text(f"{HEADER}# Mine\n\n{SETUP}\n{own}")
    (folder / "hidden" / "ex-own.py").write_text(HIDDEN)
    wrong = 'WRONG = {"ex-own": [f"def own(x):\\n    return {r}" for r in ("x", "2 * x", "0.0")]}\n'
    (folder / "wrong_answers" / "mine.py").write_text(wrong)
    sheet = folder / "exam.yml"
    sheet.write_text(
        SHEET.replace("Homework", "Exam").replace("{exercise: ex-double", "{exercise: ex-own")
    )
    return sheet


def real_project(root: Path) -> Path:
    """The project itself as it is in the repository: without a site."""
    root.mkdir()
    for name in ("chapters", "assignments", "tests", "_config.yml", "_toc.yml", "references.bib"):
        (root / name).symlink_to(ROOT / name)
    return root


def copy(root: Path, target: Path) -> Path:
    """A copy of a project, to change it."""
    shutil.copytree(root, target, symlinks=True)
    return target
