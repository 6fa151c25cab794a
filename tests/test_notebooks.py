"""Notebooks generated from chapters: plain Markdown, the same code cells, nothing else."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from jupyter_cache import get_cache
from minibook import MiniBook, cell
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_parser.config.main import MdParserConfig

from book import notebooks
from book.blocks import convert
from book.chapter import COLLAPSED, generate
from book.citations import Bibliography
from book.inline import to_markdown
from book.labels import Labels, Target, collect
from book.leftovers import leftovers
from book.myst import MystError
from book.page import Page
from book.project import Project
from book.withheld import page_text

ROOT = Path(__file__).resolve().parents[1]
FIXTURE = ROOT / "tests" / "fixture_book"
HEADER = (FIXTURE / "chapters" / "other.md").read_text(encoding="utf8").split("\n\n")[0] + "\n\n"


def make_page() -> Page:
    def here(kind: str, number: str, title: str, anchor: str) -> Target:
        return Target("chapters/every", kind, number, title, anchor)

    labels = Labels(
        targets={
            "eq-a": here("equation", "2.1", "", "equation-eq-a"),
            "ex-a": here("exercise", "2.1", "Do", "ex-a"),
            "ex-plain": here("section", "", "Plain", "ex-plain"),
            "prop-a": here("proposition", "2.1", "", "prop-a"),
            "sec-a": here("section", "", "Here $x$", "sec-a"),
            "sec-b": Target("chapters/other", "section", "", "There", "sec-b"),
            "eq-b": Target("chapters/other", "equation", "1.7", "", "equation-eq-b"),
        },
        titles={"chapters/other": "The other", "chapters/every": "This one"},
        numbers={("chapters/every", 10): "2.1"},
    )
    project = Project.load(FIXTURE)
    bibliography = Bibliography(project.bibliographies)
    return Page("chapters/every", project, labels, bibliography, {"course": "*C*"})


SITE = "https://owner.github.io/REPO/chapters"


@pytest.mark.parametrize(
    ("myst", "expected"),
    [
        ("{eq}`eq-a`", "(2.1)"),
        ("{eq}`eq-b`", f"[(1.7)]({SITE}/other.html#equation-eq-b)"),
        ("{ref}`sec-a`", "Here $x$"),
        ("{ref}`sec-b`", f"[There]({SITE}/other.html#sec-b)"),
        ("{ref}`it\nis <sec-b>`", f"[it is]({SITE}/other.html#sec-b)"),
        ("{ref}`ex-a`", "Exercise 2.1"),
        ("{ref}`the claim <claim-x>`", "the claim"),
        ("{prf:ref}`prop-a`", "Proposition 2.1"),
        ("{numref}`No. %s <prop-a>`", "No. 2.1"),
        ("{doc}`other`", f"[The other]({SITE}/other.html)"),
        ("{doc}`/chapters/other`", f"[The other]({SITE}/other.html)"),
        ("{doc}`text <other>`", f"[text]({SITE}/other.html)"),
        ("[t](other.md#sec-b)", f"[t]({SITE}/other.html#sec-b)"),
        ("[](other.md)", f"[The other]({SITE}/other.html)"),
        ("[](#sec-b)", f"[There]({SITE}/other.html#sec-b)"),
        ("<project:#sec-b>", f"[There]({SITE}/other.html#sec-b)"),
        ("[here](#sec-a)", "here"),
        ("[t](https://a.b/c.md)", "[t](https://a.b/c.md)"),
        ("![a](../f/x.png)", "![a](https://github.com/OWNER/REPO/raw/main/f/x.png)"),
        ("![a](https://a.b/x.png)", "![a](https://a.b/x.png)"),
        ("{glue:text}`a.md::name:.3f`", "`name`"),
        ("{glue:text}`a.md::share:.1%`", "`share`"),
        ("{py:func}`~a.b.c`", "`c`"),
        ("{class}`a.B`", "`a.B`"),
        ("{math}`x`", "$x$"),
        ("{sub}`x`", "<sub>x</sub>"),
        ("{cite:p}`kingma2015`", "(Kingma and Ba, 2015)"),
        ("{cite:p}`kingma2015, srivastava2014`", "(Kingma and Ba, 2015; Srivastava et al., 2014)"),
        ("{cite:t}`ba2016a`", "Ba (2016a)"),
        ("{cite:t}`vapnik`", "von Luxburg (2001)"),
        ("{{ course }}", "*C*"),
        ("a[^x] b[^y] c[^x]", "a<sup>1</sup> b<sup>2</sup> c<sup>1</sup>"),
        ("`{eq}` ``{eq}`x` `` `{{ course }}`", "`{eq}` ``{eq}`x` `` `{{ course }}`"),
        (r"$x^{{a}}$ $[^x]$ \$5 \{{ a", r"$x^{{a}}$ $[^x]$ \$5 \{{ a"),
        ("$a\n> b$", "$a b$"),
        (r"$\R^n \Rightarrow$", r"$\mathbb{R}^n \Rightarrow$"),
        ("[*x*]{.wide} `a`{l=python}", "[*x*] `a`{l=python}"),
    ],
)
def test_inline(myst, expected):
    assert to_markdown(myst, make_page(), 0) == expected


@pytest.mark.parametrize(
    ("myst", "expected"),
    [
        (":::{note}\nText.\n:::", "> **Note.** Text."),
        ("```{tip} One\ntwo\n```", "> **Tip.** One\n> two"),
        (":::{note}\n- a\n:::", "> **Note.**\n>\n> - a"),
        (":::{admonition} Why?\nText.\n:::", "> **Why?** Text."),
        (
            ":::{admonition} Why `x`?\n:class: dropdown\nText.\n:::",
            "<details>\n<summary><b>Why <code>x</code>?</b></summary>\n\nText.\n\n</details>",
        ),
        ("::::{note}\na\n:::{tip}\nb\n:::\n::::", "> **Note.** a\n>\n> > **Tip.** b"),
        ("a\n```{note}\nb\n```\nc", "a\n\n> **Note.** b\n\nc"),
        ("- a\n  ```{note}\n  b\n  ```\n  c", "- a\n\n  > **Note.** b\n\n  c"),
        ("1. ```{note}\n   b\n   ```\n2. c", "1. > **Note.** b\n\n2. c"),
        ("> ```{note}\n> b\n> ```\n\nc", "> > **Note.** b\n\nc"),
        ("$$\na\n$$ (eq-z)", "$$\na\n$$"),
        ("\n" * 10 + "$$\na\n$$ (eq-z)", "$$\na\n\\tag{2.1}\n$$"),
        ("$$a \\\\ b$$", "$$\n\\begin{aligned}\na \\\\ b\n\\end{aligned}\n$$"),
        ("\\begin{align*}\na\n\\end{align*}", "$$\n\\begin{aligned}\na\n\\end{aligned}\n$$"),
        ("```{math}\n:label: m\n\na\n```", "$$\na\n$$"),
        (":::{note}\n$$\na\nb\n$$\n:::", "> **Note.**\n>\n> $$a b$$"),
        ("```{prf:proof}\nIt is.\n```", "> **Proof.** It is."),
        ("```{prf:remark} T\n:nonumber:\nIt is.\n```", "> **Remark (T).** It is."),
        ("```{solution} ex-a\nx\n```", None),
        ("```{exercise} T\n:nonumber:\nx\n```", "### Exercise: T\n\nx"),
        ("```{code-block} python\nx\n```", "```python\nx\n```"),
        ("````{code-block} md\n```\nx\n```\n````", "````md\n```\nx\n```\n````"),
        (
            "```{image} /f/x.png\n:alt: A\n```",
            "![A](https://github.com/OWNER/REPO/raw/main/f/x.png)",
        ),
        ("(label)=\n% comment\ntext\n\n+++\n\nmore", "text\n\nmore"),
        ("{.wide}\ntext", "text"),
        ("[^x]: One\n    two", "<sup>1</sup> One\ntwo"),
        ("```python\n:::{note}\n{eq}`x`\n```", "```python\n:::{note}\n{eq}`x`\n```"),
        ("```\n{eq}`x`\n\n{eq}`y`\n```", "```\n{eq}`x`\n\n{eq}`y`\n```"),
        ("    {eq}`x`", "    {eq}`x`"),
        ("| a |\n|---|\n| {eq}`eq-a` |", "| a |\n|---|\n| (2.1) |"),
        ("a\n\n\nb", "a\n\nb"),
    ],
)
def test_blocks(myst, expected):
    if expected is None:
        expected = (
            "<details>\n<summary><b>Solution to exercise 2.1</b></summary>\n\nx\n\n</details>"
        )
    assert convert(myst, make_page(), 0).strip("\n") == expected


@pytest.mark.parametrize(
    ("myst", "line", "what"),
    [
        ("a\n\n```{plotly} x\n```", 3, "the directive 'plotly'"),
        ("a\n\n:::{note}\nb {octicon}`c`\n:::", 4, "the role 'octicon'"),
        ("a\n{ref}`nowhere`", 2, "no label 'nowhere'"),
        ("a\n{doc}`nowhere`", 2, "no page 'chapters/nowhere'"),
        ("{cite:p}`nobody`", 1, "no BibTeX file has the key 'nobody'"),
        ("{{ nothing }}", 1, "no substitution is called 'nothing'"),
        ("```{solution} sec-a\n```", 1, "a solution to 'sec-a', which is no exercise"),
        ("```{quiz}\nWhy?\n```", 1, "at least two options"),
        ("```{errata}\nA: b\n```", 1, "A must have"),
        ("```{note}\n:class: [\nx\n```", 1, "options of 'note'"),
    ],
)
def test_what_has_no_form_in_a_notebook_is_an_error_with_its_line(myst, line, what):
    with pytest.raises(MystError, match=rf"^{line}: .*{re.escape(what)}"):
        convert(myst, make_page(), 0)


# Text that cannot be mistaken for MyST outside of the code that it is put in.
@given(st.text("ab{}:$[]()^%=_ \n", max_size=30))
def test_code_is_never_touched(inside):
    text = "~~~text\n" + inside + "\n~~~"
    assert convert(text, make_page(), 0) == text
    span = "`` " + inside.replace("\n", "") + "x ``"
    assert to_markdown(span, make_page(), 0) == span


@pytest.mark.parametrize(
    "left",
    ["a {eq}`b`", "::: {note}", ":::", "> ```{tip}", "(a)=", "{{ a }}", "b[^1]", "% c", "[](x)"],
)
def test_leftovers_are_found_outside_code_only(left):
    assert leftovers(f"a\n\n{left}\n\nb")
    assert not leftovers(f"```\n{left}\n```")


@pytest.fixture(scope="module")
def fixture_book(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("book") / "book"
    shutil.copytree(FIXTURE, root)
    assert notebooks.main([], root) == 0
    return root


@pytest.fixture(scope="module")
def every(fixture_book) -> nbformat.NotebookNode:
    return nbformat.read(fixture_book / "chapters" / "every.ipynb", 4)


def test_the_golden_notebook(every):
    text = "\n".join(
        f"%% {cell.cell_type}{' closed' if cell.metadata.get(COLLAPSED) else ''}\n{cell.source}"
        for cell in every.cells
    )
    assert text + "\n" == (FIXTURE / "every.golden.txt").read_text(encoding="utf8")


def test_notebooks_are_valid_without_outputs_and_with_unique_ids(every):
    nbformat.validate(every)
    assert (every.nbformat, every.nbformat_minor) == (4, 5)
    assert every.metadata.kernelspec.name == "python3"
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in every.cells)
    assert len({cell.id for cell in every.cells}) == len(every.cells)


def test_closed_sections_are_named_for_colab_and_hide_nothing_else(every):
    closed = [cell for cell in every.cells if cell.metadata.get(COLLAPSED)]
    assert [cell.metadata.id for cell in closed] == every.metadata.colab.collapsed_sections
    assert [cell.source[:29] for cell in closed] == ["#### Solution to exercise 2.1"]


def keys(md: Path, project: Project, tmp_path: Path) -> tuple[str, str]:
    """What jupyter-cache calls the code of a chapter and of its notebook."""
    config = MdParserConfig(enable_extensions=set(project.extensions))
    text = page_text(md, project.root)
    reader = create_nb_reader(str(md), config, NbParserConfig(), text)
    notebook = nbformat.read(md.with_suffix(".ipynb"), 4)
    cache = get_cache(tmp_path / "cache")
    made = [cache.create_hashed_notebook(nb)[1] for nb in (reader.read(text), notebook)]
    return made[0], made[1]


def test_the_cache_key_of_a_notebook_is_that_of_its_chapter(fixture_book, tmp_path):
    project = Project.load(fixture_book)
    for md in notebooks.chapters(project):
        chapter, notebook = keys(md, project, tmp_path)
        assert chapter == notebook


def test_the_repository_has_its_notebooks_and_they_share_keys_with_their_chapters(tmp_path):
    project = Project.load(ROOT)
    for md in notebooks.chapters(project):
        chapter, notebook = keys(md, project, tmp_path)
        assert chapter == notebook, md.name
        for part in nbformat.read(md.with_suffix(".ipynb"), 4).cells:
            if part.cell_type == "markdown":
                assert not leftovers(part.source), md.name


NUMBERS = """# Chapter {n}

$$ a = b $$ (eq-a{n})

```{{exercise}} First
:label: ex-a{n}
Do.
```

$$ a = b $$

```{{prf:theorem}}
:label: thm-a{n}
T.
```

```{{prf:proposition}}
:label: prop-a{n}
P.
```

```{{exercise-start}}
:label: ex-b{n}
```
Do.
```{{exercise-end}}
```

```{{math}}
:label: eq-b{n}
a
```

"""
REFER = "Numbers: {eq}`eq-a1` {eq}`eq-b2` {eq}`eq-a2` {prf:ref}`thm-a2` {prf:ref}`prop-a2`"
REFER += " {ref}`ex-b2` {ref}`ex-a2` {prf:ref}`prop-a1`.\n"


def test_numbers_are_those_of_the_page(tmp_path):
    pages = {f"c{n}": NUMBERS.format(n=n) + cell("1") for n in (1, 2)}
    book = MiniBook.create(tmp_path, index="# Index\n", c1=pages["c1"], c2=pages["c2"] + REFER)
    toc = "format: jb-book\nroot: chapters/index\nparts:\n- caption: P\n  numbered: true\n"
    toc += "  chapters: [{file: chapters/c1}, {file: chapters/c2}]\n"
    (tmp_path / "_toc.yml").write_text(toc)
    assert book.build() == 0, book.log
    html = BeautifulSoup(book.page("c2"), "html.parser")
    (page,) = [p.text.strip() for p in html.select("p") if p.text.startswith("Numbers:")]
    assert notebooks.main([], tmp_path) == 0
    text = nbformat.read(tmp_path / "chapters" / "c2.ipynb", 4).cells[-1].source
    assert re.sub(r"\[(\S.*?)\]\(\S*\)", r"\1", text) == page


def test_writing_twice_gives_the_same_bytes_and_touches_nothing(fixture_book):
    path = fixture_book / "chapters" / "every.ipynb"
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert notebooks.main([], fixture_book) == 0
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert not list(path.parent.glob(".*"))


def test_an_inserted_cell_changes_no_other_id(fixture_book):
    project = Project.load(fixture_book)
    md = fixture_book / "chapters" / "other.md"
    before = nbformat.reads(generate(md, project, collect(project)), 4)
    text = md.read_text(encoding="utf8")
    try:
        md.write_text(
            text.replace("```{code-cell}", "```{code-cell}\nx = 1\n```\n\n```{code-cell}")
        )
        after = nbformat.reads(generate(md, project, collect(project)), 4)
    finally:
        md.write_text(text)
    assert len(after.cells) == len(before.cells) + 1
    assert {cell.id for cell in before.cells} < {cell.id for cell in after.cells}


def test_check_fails_for_an_edited_chapter_a_missing_and_an_orphaned_notebook(
    fixture_book, tmp_path, capsys
):
    root = tmp_path / "book"
    shutil.copytree(fixture_book, root)
    assert notebooks.main(["--check"], root) == 0
    md = root / "chapters" / "every.md"
    md.write_text(md.read_text(encoding="utf8").replace("Another cell.", "Another one."))
    assert notebooks.main(["--check"], root) == 1
    assert "chapters/every.ipynb is out of date" in capsys.readouterr().out
    assert notebooks.main(["--check", "other"], root) == 0
    assert notebooks.main(["every"], root) == 0
    assert notebooks.main(["--check"], root) == 0
    md.with_suffix(".ipynb").rename(root / "chapters" / "gone.ipynb")
    assert notebooks.main(["--check"], root) == 1
    out = capsys.readouterr().out
    assert "chapters/every.ipynb is out of date" in out
    assert "chapters/gone.ipynb has no chapter" in out


def test_errors_name_the_chapter_and_the_line(tmp_path, capsys):
    root = tmp_path / "book"
    shutil.copytree(FIXTURE, root)
    md = root / "chapters" / "every.md"
    text = md.read_text(encoding="utf8")
    line = text.split("\n").index("Another cell.") + 1
    md.write_text(text.replace("Another cell.", "{octicon}`x`"))
    assert notebooks.main([], root) == 1
    assert f"chapters/every.md:{line}: the role 'octicon'" in capsys.readouterr().err
    md.write_text(text.replace("Another cell.", "```{note} a `code` in the first line\nx\n```"))
    assert notebooks.main([], root) == 1
    assert "chapters/every.md:" in capsys.readouterr().err
    assert notebooks.main(["nothing"], root) == 1
    assert "no chapter is called nothing" in capsys.readouterr().err
    assert not md.with_suffix(".ipynb").exists()


def test_an_interrupted_write_leaves_the_old_notebook(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_text("old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(notebooks.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        notebooks.write(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_label_that_two_places_have_is_an_error(tmp_path):
    root = tmp_path / "book"
    shutil.copytree(FIXTURE, root)
    (root / "chapters" / "index.md").write_text("(sec-other)=\n# Index\n")
    with pytest.raises(MystError, match="the label 'sec-other' is already used in chapters/"):
        collect(Project.load(root))


def test_project_addresses_come_from_the_repository(tmp_path):
    project = Project(tmp_path, {"repository": {"url": "https://github.com/me/course.git"}})
    assert project.repository == "https://github.com/me/course"
    assert project.site == "https://me.github.io/course"
    assert project.colab == "https://colab.research.google.com/github/me/course/blob/main"
    with pytest.raises(ValueError, match=r"repository\.url in _config\.yml must look like"):
        assert Project(tmp_path, {"repository": {"url": "me/course"}}).repository
