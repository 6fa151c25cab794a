"""A book that is broken in one way fails, and says what is wrong; a sound one builds."""

from __future__ import annotations

from pathlib import Path

import pytest
import site_checks
from minibook import CODE, SVG, MiniBook, cell, figure

ALT = "{'image/svg+xml': {'alt': 'A triangle.'}}"
GLUE = "from course_utils.glue import glue\nglue(answer={})"
HEALTHY = f"""\
(a-label)=
# Page

A formula $\\nabla L(w)$, its number {{eq}}`eq-one`, a reference {{ref}}`a-label`.

$$
x^2 \\in \\R
$$ (eq-one)

{cell(GLUE.format(1.25))}
{figure(ALT)}
"""
OTHER = f"# Other\n\n{CODE}\n{{ref}}`a-label`: it is {{glue:text}}`index.md::answer:.1f`.\n"


def test_a_sound_book_executes_what_changed_and_no_more(tmp_path: Path) -> None:
    book = MiniBook.create(tmp_path / "book", index=HEALTHY, other=OTHER)
    assert book.build() == 0, book.log
    assert book.executed == 2
    assert site_checks.broken_links(book.root / "_build" / "html") == []
    assert 'alt="A triangle." class="course-figure"' in book.page("index")
    assert ">1.2<" in book.page("other")

    # Nothing changed.
    assert book.build() == 0, book.log
    assert book.executed == 0

    # Prose is written, not executed.
    book.write("index", HEALTHY + "\nNew words.\n")
    assert book.build() == 0, book.log
    assert book.executed == 0
    assert "New words." in book.page("index")

    # A code cell concerns its notebook, and the pages that quote it.
    book.write("index", HEALTHY.replace("1.25", "8.75"))
    assert book.build() == 0, book.log
    assert book.executed == 1
    assert ">8.8<" in book.page("other")

    # `course_utils` concerns all of them, and it is the changed one that they import.
    with (book.root / "course_utils" / "glue.py").open("a") as file:
        file.write("\n_glue = glue\ndef glue(answer): _glue(answer=answer + 1)\n")
    assert book.build() == 0, book.log
    assert book.executed == 2
    assert ">9.8<" in book.page("other")


# One page each in one book; `test_a_second_build_does_not_forget` shows that one is enough to fail.
FAULTS = {
    "formula": ("Text $\\frac{1$ and more.", "formula '\\\\frac{1': KaTeX parse error"),
    "macro": ("Text $\\undefinedmacro$.", "Undefined control sequence: \\undefinedmacro"),
    "reference": ("See {ref}`nowhere`.", "undefined label: 'nowhere'"),
    "equation": ("See {eq}`eq-nowhere`.", "equation not found: eq-nowhere"),
    "link": ("See [this](nowhere.md).", "'nowhere.md'"),
    "citation": ("See {cite:p}`nobody1900`.", 'could not find bibtex key "nobody1900"'),
    "quoted": ("It is {glue:text}`index.md::missing:.1f`.", "'missing'"),
    "role": ("A {rolle}`typo`.", 'Unknown interpreted text role "rolle"'),
    "directive": ("```{notte}\ntypo\n```", "Unknown directive type: 'notte'"),
    "figure": (figure(), "figure without alternative text in cell 1"),
    "empty_alt": (figure("{'image/svg+xml': {'alt': ' '}}"), "figure without alternative text"),
    "picture": ("![](picture.svg)", "image 'chapters/picture.svg' without alternative text"),
    "html": ('<img src="picture.svg">', "image without alternative text: <img"),
    "html_of_cell": (
        cell("from IPython.display import display, HTML\ndisplay(HTML('<img src=\"x.svg\">'))"),
        "image without alternative text: <img",
    ),
    "output": (
        cell("from IPython.display import display\ndisplay({'a/b': '1'}, raw=True)"),
        "skipping unknown output mime type: a/b",
    ),
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> MiniBook:
    pages = {name: f"# Page {name}\n\n{text}\n" for name, (text, _) in FAULTS.items()}
    root = tmp_path_factory.mktemp("faulty") / "book"
    book = MiniBook.create(root, index="# Page\n", **pages)
    (root / "chapters" / "picture.svg").write_text(SVG)
    assert book.build() != 0, book.log
    return book


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_warning_that_names_page_and_cause(faulty: MiniBook, name: str) -> None:
    warnings = [line for line in faulty.log.splitlines() if f"/{name}.md:" in line]
    assert any("WARNING" in line and FAULTS[name][1] in line for line in warnings), faulty.log


def test_a_second_build_does_not_forget(tmp_path: Path) -> None:
    text, message = FAULTS["formula"]
    book = MiniBook.create(tmp_path / "book", index="# Page\n", other=f"# Other\n\n{text}\n")
    assert book.build() != 0
    assert book.build() != 0
    assert message in book.log
    book.write("other", "# Other\n\nMended.\n")
    assert book.build() == 0, book.log


def test_failing_cells_and_claims_stop_the_build(tmp_path: Path) -> None:
    claim = "from course_utils.claims import claim\nclaim('a-b', 'Two is one.', holds=2 == 1)"
    book = MiniBook.create(
        tmp_path / "book",
        index=f"# Page\n\n{CODE}",
        cell=f"# Page\n\n{CODE}\n{cell('raise RuntimeError(6 * 7)')}",
        claim=f"# Page\n\n{cell(claim)}",
    )
    assert book.build() != 0
    assert "chapters/cell: cell 2 failed: RuntimeError: 42" in book.log
    assert "chapters/claim: cell 1 failed: ClaimError: claim 'a-b' does not hold" in book.log
    assert not (book.root / "_build" / "html" / "chapters").exists()


def test_a_page_that_is_not_executed_fails(tmp_path: Path) -> None:
    book = MiniBook.create(tmp_path / "book", index=f"# Page\n\n{CODE}")
    page = book.root / "chapters" / "index.md"
    off = '---\nmystnb:\n  execution_mode: "off"\n'
    page.write_text(page.read_text().replace("---\n", off, 1))
    assert book.build() != 0
    assert "the code of chapters/index was not executed" in book.log
