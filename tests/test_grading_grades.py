"""Grades as CSV: our own, Canvas's gradebook, Moodle's worksheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from graded_package import package

from grading import grades, roster
from grading.records import Note, Part, QuestionMark, Verdict
from grading.results import Result

CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Essay (77),Numbers & more (42),Final Score\n"
    ",,,,,Manual Posting,,\n"
    "    Points Possible,,,,,10,20,(read only)\n"
    '"Adams, Eva",1001,A1,eva,"S1, and S2",9,,80\n'
    '"Baker, Ben",1002,A2,ben,S1,8,3.5,70\n'
    '"Cruz, Dé",1003,A3,de,S1,,EX,\n'
    '"Doe, Jo",1004,A4,jo,S1,7,11,\n'
    "=cmd(),1005,A5,x,S1,,,\n"
)
MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    'Participant 1001,Eva Adams,e@x.org,Submitted,,20.00,Yes,"Monday, 1 May",-,\n'
    "Participant 1002,Ben Ömer,b@x.org,Submitted,3,20.00,Yes,-,-,Well done\n"
    "Participant 1004,Jo Doe,j@x.org,No submission,11,20.00,Yes,-,-,Graded automatically. Old\n"
)


def verdict(student: str, *points: float, notes: tuple[Note, ...] = ()) -> Result:
    questions = tuple(
        QuestionMark(
            question.label,
            question.title,
            (Part("All", got, 10.0, "right" if got == 10 else "wrong"),),
        )
        for question, got in zip(package().questions, points, strict=True)
    )
    return Result(student, Verdict(student, questions, notes))


RESULTS = [verdict("1001", 10, 5), verdict("1002", 10, 10), verdict("1003", 0, 20 / 3)]
RESULTS += [Result("1005", None, "no notebook"), verdict("1009", 1, 2)]


def table(path: Path, **options) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig")), **options))


def filled(tmp_path: Path, text: str, **options):
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    listed = roster.read(path, package().title, **options)
    return grades.fill_roster(listed, tmp_path / "upload.csv", package(), RESULTS)


def test_grades_of_all_with_points_of_each_exercise(tmp_path):
    notes = (Note("cell", "cell 1: NameError: x"), Note("attempt", "opened /etc/passwd"))
    results = [verdict("b", 20 / 3, 10, notes=notes), Result("a", None, "no notebook", "note")]
    grades.write_grades(tmp_path / "grades.csv", package(), results)
    assert table(tmp_path / "grades.csv") == [
        ["student", "points", "maximum", "ex-double", "ex-half", "flags"],
        ["a", "", "20", "", "", "not graded: no notebook; note"],
        [
            "b",
            "16.67",
            "20",
            "6.67",
            "10",
            "attempt: opened /etc/passwd; cell: cell 1: NameError: x",
        ],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "＝"])
def test_no_cell_of_a_student_is_a_formula(tmp_path, start):
    evil = Result("x", None, "", f"{start}HYPERLINK(1)")
    grades.write_grades(tmp_path / "grades.csv", package(), [evil])
    cell = table(tmp_path / "grades.csv")[1][-1]
    assert not cell.strip().startswith(("=", "+", "-", "@", "＝"))
    assert cell.endswith("HYPERLINK(1)")


def test_a_text_of_a_student_stays_in_its_cell(tmp_path):
    evil = verdict("x", 0, 0, notes=(Note("cell", 'a","b\nc,20\r\n'),))
    grades.write_grades(tmp_path / "grades.csv", package(), [evil])
    rows = table(tmp_path / "grades.csv")
    assert [len(row) for row in rows] == [6, 6]
    assert (tmp_path / "grades.csv").read_text().count("\n") == 2


def test_a_gradebook_of_canvas_is_filled_in_and_nothing_else_changes(tmp_path):
    done = filled(tmp_path, CANVAS)
    expected = CANVAS.replace('S2",9,,80', 'S2",9,15,80').replace("8,3.5,70", "8,20,70")
    assert done.path.read_text() == expected
    assert done.unhanded == ["Doe, Jo, 1004"]
    assert done.unlisted == ["1009"]
    assert done.kept == ["Cruz, Dé, 1003"]
    assert done.warnings == []


def test_a_worksheet_of_moodle_is_filled_in_with_comments(tmp_path):
    done = filled(tmp_path, MOODLE)
    before, after = list(csv.reader(io.StringIO(MOODLE))), table(done.path)
    changed = [
        (row[0], name, new)
        for old, row in zip(before, after, strict=True)
        for name, was, new in zip(before[0], old, row, strict=True)
        if was != new
    ]
    text = "Graded automatically. The double of a number: 10 of 10; The half of a number: 5 of 10."
    assert changed == [
        ("Participant 1001", "Grade", "15"),
        ("Participant 1001", "Feedback comments", text),
        ("Participant 1002", "Grade", "20"),
    ]
    assert done.unhanded == ["Participant 1004, Jo Doe"]
    assert done.unlisted == ["1003", "1005", "1009"]


def test_a_comment_of_ours_is_replaced_and_harmless_where_it_is_html(tmp_path):
    result = verdict("1004", 10, 10)
    question = QuestionMark("q", "A < B & <b>", result.verdict.questions[0].parts)
    result = Result("1004", Verdict("1004", (question,)))
    path = tmp_path / "roster.csv"
    path.write_text(MOODLE)
    listed = roster.read(path, "")
    grades.fill_roster(listed, tmp_path / "upload.csv", package(), [result])
    comment = table(tmp_path / "upload.csv")[3][-1]
    assert comment == "Graded automatically. A &lt; B &amp; &lt;b&gt;: 10 of 10."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_form_of_a_roster_stays_as_it_was(tmp_path, encoding, newline, delimiter):
    rows = list(csv.reader(io.StringIO(CANVAS)))
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    data = text.getvalue().encode(encoding)
    done = filled(tmp_path, data)
    rows[3][6], rows[4][6] = "15", "20"
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    assert done.path.read_bytes() == text.getvalue().encode(encoding)


def test_names_in_two_columns_and_decimal_commas(tmp_path):
    text = "LastName;FirstName;ID;Section;Numbers & more (42)\n    Points Possible;;;;50,5\n"
    done = filled(tmp_path, f"{text}Adams;Eva;1001;S;7,5\nDoe;Jo;1004;S;\n")
    assert table(done.path, delimiter=";")[2][-1] == "15"
    assert done.unhanded == ["Doe, Jo, 1004"]
    assert "50.5 points" in done.warnings[0]


@pytest.mark.parametrize(
    "text", [CANVAS.replace(",10,20,", ",10,50,"), MOODLE.replace("20.00", "50.00")]
)
def test_another_maximum_is_said(tmp_path, text):
    (warning,) = filled(tmp_path, text).warnings
    assert "50 points" in warning


def test_a_column_of_canvas_may_be_named(tmp_path):
    done = filled(tmp_path, CANVAS, column="Essay (77)")
    assert table(done.path)[3][5:7] == ["15", ""]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "but: nothing"),
        ("a,b\n1,2\n", "neither the columns of Canvas"),
        (b"PK\x03\x04", "not a CSV"),
        (CANVAS.replace("Numbers & more", "Other"), r"0 columns titled.*Essay \(77\), Other"),
        (CANVAS.replace("Essay (77)", "numbers  & MORE (7)"), "2 columns titled"),
        (CANVAS.replace("1002", "1001"), "row 5: the id 1001"),
        (CANVAS.replace('"Baker, Ben"', '"Baker, Ben'), "not a CSV that can be read"),
        (CANVAS.encode("utf-16-le"), "neither the columns of Canvas"),
        (MOODLE.replace("Grade,Max", "Note,Max"), "0 columns named 'Grade'"),
        (MOODLE.replace("Status", "Grade"), "2 columns named 'Grade'"),
        (MOODLE.replace("Participant 1002", "Participant"), "row 3: Identifier"),
        (MOODLE.replace("Participant 1002", "Participant 1001"), "row 3: the id 1001"),
    ],
)
def test_a_bad_roster_is_an_error_that_names_file_and_place(tmp_path, text, reason):
    with pytest.raises(ValueError, match=f"roster.csv.*{reason}"):
        filled(tmp_path, text)


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_roster_that_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(ValueError, match="cannot be read"):
        roster.read(tmp_path / name, "x")


def test_a_roster_is_never_overwritten(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(CANVAS)
    (tmp_path / "link").symlink_to(tmp_path)
    listed = roster.read(path, package().title)
    with pytest.raises(ValueError, match="overwritten"):
        grades.fill_roster(listed, tmp_path / "link" / "roster.csv", package(), RESULTS)
    assert path.read_text() == CANVAS
