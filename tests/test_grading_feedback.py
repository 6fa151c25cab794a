"""Pages for students and for those who grade: all that helps, nothing that is hidden, no script."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest
from accessibility import accessibility_problems
from graded_package import package
from site_browser import PHONE, open_browser, serve

from grading import feedback, hints
from grading.package import Limits
from grading.records import Note, Part, QuestionMark, Verdict
from grading.results import Result, Results

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"
PARTS = (
    Part("Right & `good`", 2, 2, "right"),
    Part("A wrong one", 0, 2, "wrong", "weights: value 3: off by up to 0.48213"),
    Part(
        "A raising one",
        0,
        2,
        "raised",
        f"RuntimeError: secret 0.77123 (line 12 of code cell 3: `{EVIL}`)",
    ),
    Part("A long one", 0, 1, "timed out", "stopped (line 77123456 of code cell 1: `x`)"),
    Part("A dead one", 0, 1, "died", EVIL),
    Part("A missing one", 0, 1, "not attempted", EVIL),
    Part("A late one", 0, 1, "not reached", EVIL),
)
NOTES = (
    Note("cell", f"code cell 7: NameError: secret 0.77123 {EVIL}"),
    Note("attempt", f"opened /etc/passwd {EVIL}"),
)
VERDICT = Verdict("s%20<b>", (QuestionMark("q", EVIL, PARTS),), NOTES, seed=987654321)


def test_a_student_sees_points_and_what_to_look_at():
    page = feedback.page(package(call_seconds=7.0), VERDICT)
    for text in [
        "2 of 10 points",
        "Right &amp; <code>good</code>",
        "off by up to about 0.5",
        "raised RuntimeError (line 12 of code cell 3). PyTorch",
        "longer than 7 seconds",
        "process that ran your notebook ended",
        "Nothing is defined here but the stub",
        "were over before this part",
        "Code cell 7 raised NameError.",
        "inputs drawn anew",
    ]:
        assert text in page
    for status in ("right", "wrong", "raised", "timed out", "died", "not attempted", "not reached"):
        assert f">{status}</span>" in page


def test_a_student_sees_nothing_that_is_hidden():
    page = feedback.page(package(), VERDICT)
    for text in ("0.48213", "77123", "/etc/passwd", "987654321", "def double", "A cell raised"):
        assert text not in page


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("off by up to 0.831", "off by up to about 0.8"),
        ("value 2: off by up to 1.2e+03", "value 2: off by up to about 1000"),
        ("off by up to 3.", "off by up to about 3."),
        ("buffer: it is 'x=1' and should be 'y=2'", "buffer: it is not what it should be"),
        ("it is 'and should be a dict' and should be 'y'", "it is not what it should be"),
        (
            "it is 'x\n1' and should be numbers of shape [2, 3]",
            "it should be numbers of shape [2, 3]",
        ),
        ("it is 3.3 and should be a dict", "it should be a dict"),
        ("its shape is [2] and should be [3]", "its shape is [2] and should be [3]"),
        ("the names are ['x1'] and should be ['b']", "the names are others and should be ['b']"),
        ("the mean does not fit", "the mean does not fit"),
    ],
)
def test_values_are_left_out_of_messages(message, told):
    assert (
        hints.hint(Part("t", 0, 1, "wrong", message), Limits())
        == f"Your answer is not right: {told}."
    )


@pytest.mark.parametrize("text", ["Secret42: x", "", "os: x", "print: x", "__name__: x", "1/0"])
def test_only_the_name_of_an_exception_of_python_is_passed_on(text):
    hint = hints.hint(Part("t", 0, 1, "raised", text), Limits())
    assert hint == "Your code raised an exception."


def test_pages_carry_no_script_and_forbid_all():
    results = [Result("a", VERDICT, "", EVIL), Result("b", None, EVIL)]
    for page in (feedback.page(package(), VERDICT), feedback.index(package(), results, [EVIL])):
        assert "<script" not in page
        assert "<img" not in page
        assert not re.search(r"<[^>]* (style|on\w+)=", page)
        style = re.search(r"<style>(.*)</style>", page, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri" in page
        assert not re.search(r"(src|href)=\"(?!feedback/|grades\.csv)", page)


def test_those_who_grade_see_everybody_with_flags_and_links():
    results = [Result("s%20b", VERDICT), Result("c", None, "no notebook", "took the newest")]
    page = feedback.index(package(), results, ["x.txt: nothing in its name"])
    assert '<a href="feedback/s%2520b.html">s%20b</a>' in page
    assert "1 of 2 submissions graded" in page
    for text in ("opened /etc/passwd", "no notebook", "took the newest", "x.txt"):
        assert text in page


def test_a_page_that_is_true_no_more_is_removed(tmp_path):
    results = Results(tmp_path)
    feedback.write_pages(results, package(), [Result("a", VERDICT), Result("b", VERDICT)])
    feedback.write_pages(results, package(), [Result("a", None, "x"), Result("b", VERDICT)])
    assert [path.name for path in (tmp_path / "feedback").iterdir()] == ["b.html"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    question = QuestionMark("q", "A title that is rather long for a phone", PARTS)
    verdict = replace(VERDICT, questions=(question, question))
    results = [Result(f"s{number}", verdict) for number in range(30)]
    feedback.write_pages(Results(folder), package(), results, ["x" * 300])
    with serve(folder) as address, open_browser(address) as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["index.html", "feedback/s0.html"])
def test_pages_are_accessible_and_fit_a_phone(browser, path, scheme):
    page = browser.open(path, scheme, PHONE)
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 25, 29)"}[scheme]
    assert browser.complaints == []
    assert accessibility_problems(page) == []
