from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from sphinx_book import Built, build

from book.quiz_text import parse_quiz

ONE = """# Page

```{quiz}
How much is $1 + 1$?

It is not *hard*.

- [ ] one — no, **less** than it
- [x] $2$ — yes,
  `int` says so
- [ ] three
```

```{quiz}
Which are even?

- [x] 2 — yes — really
- [ ] 3 — no
- [x] 4 — yes
```
"""
SETTINGS = {"extensions": ["myst_parser", "book.quiz"], "html_math_renderer": "mathjax"}


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> BeautifulSoup:
    built = build(tmp_path_factory.mktemp("quiz"), {"page": ONE}, **SETTINGS)
    assert built.warnings == ""
    return BeautifulSoup(built.text("page.html"), "html.parser")


def test_one_right_option_makes_radio_buttons_and_several_make_checkboxes(page):
    first, second = page.select("fieldset.quiz")
    assert {x["type"] for x in first.select("input")} == {"radio"}
    assert {x["type"] for x in second.select("input")} == {"checkbox"}
    assert "More than one" in second.legend.text
    assert "More than one" not in first.legend.text


def test_names_group_the_options_of_a_quiz_and_are_unique(page):
    first, second = page.select("fieldset.quiz")
    names = [{x["name"] for x in quiz.select("input")} for quiz in (first, second)]
    assert all(len(group) == 1 for group in names)
    assert names[0] != names[1]
    ids = [x["id"] for x in page.select("fieldset input")]
    assert len(set(ids)) == 6
    assert [x["for"] for x in page.select("fieldset label")] == ids


def test_feedback_follows_its_label_so_that_css_alone_can_show_it(page):
    for option in page.select(".quiz-option"):
        tags = [child.name for child in option.find_all(recursive=False)]
        assert tags == ["input", "label", "div"]
    feedback = [" ".join(x.text.split()) for x in page.select(".quiz-feedback")]
    assert feedback[:3] == ["Wrong. no, less than it", "Right. yes, int says so", "Wrong."]
    assert feedback[3] == "Right. yes — really"
    classes = [x["class"][1] for x in page.select(".quiz-feedback")]
    assert classes == ["wrong", "right", "wrong", "right", "wrong", "right"]


def test_markdown_and_formulas_are_rendered(page):
    first = page.select_one("fieldset.quiz")
    assert first.legend.select_one(".math").text == r"\(1 + 1\)"
    assert first.select("label")[1].select_one(".math")
    assert first.select_one(".quiz-feedback strong + strong").text == "less"
    assert first.select_one(":scope > p > em").text == "hard"
    assert not page.select("script:-soup-contains('quiz')")


def test_without_html_a_quiz_is_a_list_with_answers(tmp_path):
    built = build(tmp_path, {"page": ONE}, "text", **SETTINGS)
    assert built.warnings == ""
    assert "1. one" in built.text("page.txt")
    assert '**Right.** yes, "int" says so' in built.text("page.txt")
    assert build(tmp_path, {"page": ONE}, "latex", **SETTINGS).warnings == ""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("Why?\n\n- [ ] a — b\n- [ ] c — d", "at least one right option"),
        ("Why?\n\n- [x] a — b", "at least two options"),
        ("Why?", "at least two options"),
        ("- [x] a\n- [ ] b", "must start with its question"),
        ("Why?\n- [x] a\n- [ ] b\nnot indented", "must be indented"),
        ("Why?\n- [x]  — b\n- [ ] b", "must have a text"),
    ],
)
def test_a_wrong_quiz_is_an_error_that_names_page_and_line(tmp_path, body, message):
    with pytest.raises(ValueError, match=message):
        parse_quiz(body)
    page = f"# Page\n\nText.\n\n```{{quiz}}\n{body}\n```\n"
    built: Built = build(tmp_path, {"page": page}, **SETTINGS)
    assert "page.md:5: ERROR" in built.warnings
    assert message in built.warnings
