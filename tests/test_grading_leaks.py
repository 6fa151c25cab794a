"""Solutions and hidden tests are found wherever students could read them, and nothing else is."""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import homework
import nbformat
import pytest
from homework import change
from minibook import ROOT
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from book import notebooks
from book.assigned import paths
from book.withheld import page_text
from grading import build, leaks
from grading.assignments import load, without_checks
from grading.leaks import Secret
from grading.readable import code_lines, readable, words

ASSIGNMENTS = [load(path.stem, ROOT) for path in paths(ROOT)]
ITEMS = {item.exercise.label: (item, each) for each in ASSIGNMENTS for item in each.items}
EACH = pytest.mark.parametrize("label", ITEMS)
DERIVATION = """
The step of Adam is `x = x - lr * m_hat / (v_hat.sqrt() + eps)`, and the weight decay of AdamW is
w.mul_(1 - lr * decay). A softmax needs logits - logits.max(1).
"""


@cache
def secrets(label: str, kind: str) -> list[Secret]:
    assignment = ITEMS[label][1]
    found = leaks.solutions if kind != "hidden" else leaks.hidden_tests
    these = [secret for secret in found(assignment) if secret.label == label]
    return [s for s in these if kind == "hidden" or s.is_code == (kind == "code")]


def solution(label: str) -> str:
    return without_checks(ITEMS[label][0].exercise.solution)


def is_found(label: str, kind: str, path: Path) -> bool:
    return bool(leaks.leaks(secrets(label, kind), [path], path.parent))


def highlighted(code: str) -> str:
    return highlight(code, PythonLexer(), HtmlFormatter(linenos=True, full=True))


def commented(code: str) -> str:
    lines = [f"{line}  # what is this?\n# {line[:5]}" if line else "" for line in code.splitlines()]
    return "\n".join(lines)


def in_notebook(code: str) -> str:
    cells = [nbformat.v4.new_markdown_cell("No code.", metadata={"tags": ["a"], "answer": code})]
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


FORMS = {
    "plain.txt": lambda code: code,
    "highlighted.html": highlighted,
    "inline.html": lambda code: f"<p># A <code>{html.escape(code)}</code></p>",
    "attribute.html": lambda code: f'<meta content="{html.escape(code)}"><p>Nothing.</p>',
    "laid_out_anew.md": lambda code: ast.unparse(ast.parse(code)),
    "on_one_line.md": lambda code: re.sub(r"\s+", " ", code),
    "commented.py": commented,
    "commented_inside.py": lambda code: re.sub(r" ([-+*/]) ", r" \1  # why?\n    ", code),
    "cell.ipynb": lambda code: nbformat.writes(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    ),
    "metadata.ipynb": in_notebook,
    "after_a_number_sign.md": lambda code: "# " + re.sub(r"\s+", " ", code),
    "index.js": lambda code: json.dumps({"text": re.sub("\n +", "\n", code)}),
    "broken.ipynb": lambda code: f"{{{code}",
}


@EACH
@pytest.mark.parametrize("form", FORMS)
def test_a_solution_is_found_in_any_form(tmp_path, label, form):
    path = tmp_path / form
    path.write_text(DERIVATION + FORMS[form](solution(label)))
    if path.suffix == ".ipynb":
        path.write_text(FORMS[form](solution(label)))
    assert is_found(label, "code", path)
    path.write_text(DERIVATION)
    assert not is_found(label, "code", path)


def with_one_line_less(code: str) -> Iterator[str]:
    """The code without one logical line each, after the `def` line and the docstring."""
    lines = [text for text, _ in code_lines(code)][1:]
    for number in range(len(lines)):
        yield "\n".join(lines[:number] + lines[number + 1 :])


@EACH
def test_a_solution_with_one_line_less_is_found(tmp_path, label):
    path = tmp_path / "page.html"
    secret = [line for line in secrets(label, "code")[0].lines if line.weight]
    for less in with_one_line_less(solution(label)):
        path.write_text(highlighted(less))
        assert is_found(label, "code", path) == (len(secret) > 1), less


@EACH
def test_a_line_put_into_it_hides_nothing(tmp_path, label):
    lines = [text for text, _ in code_lines(solution(label))]
    path = tmp_path / "page.txt"
    path.write_text("\n".join([*lines[:2], "print('a line of ours', 1 + 2 + 3)", *lines[2:]]))
    assert is_found(label, "code", path)


@EACH
def test_the_text_of_a_solution_is_found(tmp_path, label):
    text = ITEMS[label][0].exercise.explanation
    if not text:
        assert secrets(label, "text")[0].lines == ()
        return
    for name, made in {
        "a.md": text,
        "a.ipynb": in_notebook(text),
        "a.html": rendered(text),
    }.items():
        path = tmp_path / name
        path.write_text(made)
        assert is_found(label, "text", path), name


def rendered(text: str) -> str:
    """Prose as the site has it: formulas as MathML with their source, words in other tags."""

    def formula(match: re.Match[str]) -> str:
        tex = html.escape(match[1])
        return f"<span><math><mi>x</mi><annotation>{tex}</annotation></math><span>y</span></span>"

    text = re.sub(r"\{[\w:]+\}`([^`]*)`", r"<a href='#'>1.2</a>", text)
    text = re.sub(r"\$(.+?)\$", formula, text, flags=re.S)
    return "<p>" + re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


@EACH
def test_each_function_of_hidden_tests_is_found(tmp_path, label):
    item = ITEMS[label][0]
    path = tmp_path / "page.html"
    functions = [x for x in ast.parse(item.hidden).body if isinstance(x, ast.FunctionDef)]
    assert len(functions) >= 2
    for function in functions:
        path.write_text(highlighted(ast.get_source_segment(item.hidden, function)))
        problems = leaks.leaks(secrets(label, "hidden"), [path], tmp_path)
        assert any(f"'{function.name}' of the hidden tests" in problem for problem in problems)


@EACH
def test_what_students_may_read_is_no_secret(tmp_path, label):
    item = ITEMS[label][0]
    path = tmp_path / "page.md"
    path.write_text("\n".join([item.exercise.statement, item.exercise.stub, item.exercise.test]))
    for kind in ("code", "text", "hidden"):
        assert not is_found(label, kind, path)


def public_files() -> list[Path]:
    """What everybody may read, and what comes close to solutions: the code of the course."""
    code = (ROOT / "course_utils").rglob("*.py")
    return [*leaks.notebooks(ROOT), *code, ROOT / "README.md", *(ROOT / "book").rglob("*.css")]


def test_nothing_in_the_project_is_accused(tmp_path):
    everything = [
        secret
        for assignment in ASSIGNMENTS
        for found in (leaks.solutions, leaks.hidden_tests)
        for secret in found(assignment)
    ]
    chapters = []
    for chapter in (ROOT / "chapters").glob("*.md"):
        chapters.append(tmp_path / chapter.name)
        chapters[-1].write_text(page_text(chapter, ROOT))
    assert leaks.leaks(everything, [*public_files(), *chapters], ROOT) == []


@EACH
def test_no_other_text_comes_near_a_solution(label):
    """The criterion is far from accusing: at most 40 % of the words where half is too much."""
    (secret,) = secrets(label, "code")
    assert max(secret.share(text) for text in chapter_texts()) <= 0.4


@cache
def chapter_texts() -> list[str]:
    return [readable(path) for path in leaks.notebooks(ROOT)]


def item_of(statement: str, answer: str) -> Secret:
    context = words(statement)
    return Secret("ex", "the solution", leaks._code(answer, context))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(x): return x**2", True),
        ("def f(x):\n    '''Square it.'''\n    return x**2", True),
        ("return x**2", False),  # too short to be told from anything else
        ("def f(x): raise NotImplementedError" + " and so on" * 200 + " return x**2", False),
    ],
)
def test_a_very_short_solution_counts_beside_its_first_line(text, found):
    secret = item_of("def f(x): raise NotImplementedError", "def f(x):\n    return x**2")
    assert bool(secret.find(words(text))) == found


def test_lines_that_are_far_apart_are_no_solution():
    code = "a = first(1, 2) + second(3)\nb = third(a, 4) * 5 + 6\nc = fourth(b) - fifth(a, b)"
    secret = item_of("", code)
    assert secret.find(words(code))
    assert not secret.find(words(("word " * 300).join(code.split("\n"))))


def test_a_file_that_is_no_text_is_passed_over(tmp_path):
    path = tmp_path / "font.woff2"
    path.write_bytes(b"\xff\xfe\x00\x81")
    assert readable(path) == ""


def test_problems_name_exercise_files_and_what_was_found(tmp_path):
    files = []
    for number in range(6):
        files.append(tmp_path / "site" / f"{number}.md")
        files[-1].parent.mkdir(exist_ok=True)
        files[-1].write_text(solution("ex-map-elastic"))
    (problem,) = leaks.leaks(secrets("ex-map-elastic", "code"), files, tmp_path)
    assert problem == (
        "ex-map-elastic: the solution can be read in site/0.md, site/1.md, site/2.md, site/3.md "
        "and 2 other files: return soft_threshold(z, l1) / (1 + l2)"
    )


def test_an_assignment_is_refused_until_the_site_is_built_without_solutions(tmp_path, capsys):
    book = homework.create(tmp_path)
    root, sheet = book.root, book.root / "assignments" / "homework.yml"
    out = root / "_build" / "assignments"

    def publish() -> None:
        assert notebooks.main([], root) == 0
        assert book.build() == 0, book.log

    change(sheet, "2027", "2021")
    change(sheet, "solutions: withheld", "solutions: published")
    publish()
    build.make("homework", root, out)
    said = capsys.readouterr().out
    assert "no hidden test can be read in 1 notebooks and" in said
    assert "no site is built" not in said

    change(sheet, "solutions: published", "solutions: withheld")
    with pytest.raises(ValueError, match="homework was not written") as error:
        build.make("homework", root, out)
    lines = str(error.value).splitlines()
    for label in ("ex-double", "ex-root"):
        for kind in ("the solution", "the text of the solution"):
            (line,) = (x for x in lines if x.startswith(f"{label}: {kind} can"))
            for place in ("in chapters/page.ipynb", "_sources/chapters/page.md", "page.html"):
                assert place in line
    assert lines[-1] == "if the book is older than the assignment, run `make book` first"

    publish()
    capsys.readouterr()
    build.make("homework", root, out)
    assert "no solution or hidden test can be read" in capsys.readouterr().out
    page = root / "_build" / "html" / "hidden.html"
    page.write_text(highlighted(homework.HIDDEN))
    with pytest.raises(ValueError, match=r"'cases' of the hidden tests can be read in _build/html"):
        build.make("homework", root, out)
