"""Who handed in what: folders, downloads of Canvas and Moodle, and what may be wrong with them."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import pytest

from grading import entries
from grading.files import safe
from grading.submissions import Collection, collect

NOTEBOOK = b'{"cells": []}'


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def pack(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), name)
    return path


def collected(source: Path, tmp_path: Path) -> Collection:
    """`collect`, which must not write anywhere but into its folder."""
    folder = tmp_path / "private"
    folder.mkdir()
    before = {path for path in tmp_path.rglob("*") if folder not in path.parents}
    found = collect(source, folder)
    assert {path for path in tmp_path.rglob("*") if folder not in path.parents} == before
    assert sorted(folder.iterdir()) == sorted(s.path for s in found.submissions)
    return found


def taken(found: Collection) -> dict[str, str]:
    """What was chosen of each student; the files of these tests hold their own names."""
    return {s.student: s.path.read_text() for s in found.submissions}


def problems(found: Collection) -> dict[str, str]:
    return {problem.student: problem.text for problem in found.problems}


FOLDER = ("anna.ipynb", "group 1/ben.IPYNB", ".ipynb_checkpoints/anna.ipynb", "__MACOSX/x.ipynb")
FOLDER += ("Thumbs.db",)
CANVAS = (
    "adamseva_1001_501_hw.ipynb",
    "baker_LATE_1002_502_hw-1.ipynb",
    "de_la_cruz_1003_503_my_hw_7_8_x.ipynb",
)
MOODLE = (
    "Eva Adams_2001_assignsubmission_file_/hw.ipynb",
    "Group 7-Ben Ömer_2002_assignsubmission_file/deep/er/hw.ipynb",
    "Participant_2003_assignsubmission_file_hw.ipynb",
    "Participant_2003_assignsubmission_onlinetext_/onlinetext.html",
)


@pytest.mark.parametrize(
    ("names", "students"),
    [
        (FOLDER, ["anna", "ben"]),
        (CANVAS, ["1001", "1002", "1003"]),
        (MOODLE, ["2001", "2002", "2003"]),
    ],
    ids=["folder", "Canvas", "Moodle"],
)
@pytest.mark.parametrize("kind", ["folder", "zip", "wrapped"])
def test_students_of_folders_and_downloads(tmp_path, names, students, kind):
    if kind == "folder":
        source = fill(tmp_path / "in", *names)
    else:
        wrap = "download/" if kind == "wrapped" else ""
        source = pack(tmp_path / "in.zip", *(wrap + name for name in names))
    found = collected(source, tmp_path)
    assert found.problems == []
    assert list(taken(found)) == students
    notebooks = [name for name in names[:3] if not name.startswith((".", "__"))]
    assert [text.removeprefix("download/") for text in taken(found).values()] == notebooks


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("Eva_1_assignsubmission_file_/Ben_2_assignsubmission_file_/x.ipynb", "1"),
        ("Eva_1_assignsubmission_file_x_2_assignsubmission_file_y.ipynb", "1"),
        ("eva_1_11_ben_2_22_x.ipynb", "1"),
        ("group_12_final.ipynb", "group_12_final"),
    ],
)
def test_a_name_that_a_student_gave_does_not_say_whose_it_is(tmp_path, name, student):
    assert list(taken(collected(pack(tmp_path / "in.zip", name), tmp_path))) == [student]


def test_zips_of_windows_have_backslashes(tmp_path):
    source = pack(tmp_path / "in.zip", MOODLE[0].replace("/", "\\"))
    assert list(taken(collected(source, tmp_path))) == ["2001"]


def test_the_newest_of_several_is_that_with_the_highest_number_of_the_lms(tmp_path):
    names = ["eva_1_12_a.ipynb", "eva_1_9_b.ipynb", "eva_1_99_c.pdf", "ben_2_7_z.ipynb"]
    found = collected(pack(tmp_path / "in.zip", *names), tmp_path)
    assert taken(found) == {"1": names[0], "2": names[3]}
    notes = {submission.student: submission.note for submission in found.submissions}
    assert names[0] in notes["1"]
    assert names[1] in notes["1"]
    assert notes["2"] == ""


@pytest.mark.parametrize(
    ("names", "student", "reason"),
    [
        (["a.ipynb", "b/a.ipynb"], "a", "several notebooks"),
        (["a.ipynb", "b/A.ipynb"], "a", "several people"),
        (["M_1_assignsubmission_file_/x.ipynb", "M_1_assignsubmission_file_/y.ipynb"], "1", "y.ip"),
        (["e_1_2_x.ipynb", "z/e_1_2_x.ipynb"], "1", "several notebooks"),
        (["e_1_2_x.ipynb", "f_1_3_x.ipynb"], "1", "several people"),
        (["a.pdf"], "a", "no notebook (.ipynb) among: a.pdf"),
        (["e_1_2_x.ipynb.txt"], "1", "e_1_2_x.ipynb.txt"),
        (["e_1_2_x.ipynb", "f_7_text.html"], "7", "f_7_text.html"),
        (["M_1_assignsubmission_file_/x.docx"], "1", "x.docx"),
        (["M_1_assignsubmission_onlinetext_/onlinetext.html"], "1", "onlinetext.html"),
        (["M_1_assignsubmission_file_/"], "1", "no notebook"),
        (["e_1_2_x.ipynb", "stray.ipynb"], "", "stray.ipynb: nothing in its name"),
        (["M_1_assignsubmission_file_/x.ipynb", "stray.ipynb"], "", "stray.ipynb"),
    ],
)
def test_who_cannot_be_graded_is_named_with_the_file(tmp_path, names, student, reason):
    found = collected(pack(tmp_path / "in.zip", *names), tmp_path)
    assert list(problems(found)) == [student]
    assert reason in problems(found)[student]
    assert student not in taken(found)


def test_names_do_not_lead_anywhere_and_stay_different(tmp_path):
    names = ["Zoë Ü.ipynb", "a b.ipynb", "a%20b.ipynb", "=1+1.ipynb", "-rf.ipynb", "x\x1b[2J.ipynb"]
    names += ["<b>.ipynb", "'$(id)`.ipynb", "n" * 200 + ".ipynb", "n" * 199 + "m.ipynb"]
    found = collected(fill(tmp_path / "in", *names), tmp_path)
    students = [submission.student for submission in found.submissions]
    assert len(set(students)) == len(names)
    assert all(student.isascii() and student.isprintable() for student in students)
    assert not [s for s in students if set(s) & set("/\\<>\"'$`;& =") or s[0] in "-+=@."]
    assert max(map(len, students)) <= 120
    assert "~" not in safe("a~b")  # it stands before the digest of a long name
    # The same letters, put together in two ways, are one name.
    assert safe("Zoe\u0308") == safe("Zo\u00eb")


def test_links_in_a_folder_are_never_followed(tmp_path):
    secret = fill(tmp_path / "elsewhere", "secret.ipynb")
    source = fill(tmp_path / "in", "good.ipynb")
    (source / "eva.ipynb").symlink_to(secret / "secret.ipynb")
    (source / "dangling.ipynb").symlink_to(tmp_path / "nothing")
    (source / "folder").symlink_to(secret)
    os.mkfifo(source / "pipe.ipynb")
    found = collected(source, tmp_path)
    assert taken(found) == {"good": "good.ipynb"}
    assert "symbolic link" in problems(found)["eva"]
    assert "symbolic link" in problems(found)["dangling"]
    assert "not a file" in problems(found)["pipe"]
    assert "folder" in problems(found)


def test_a_file_that_becomes_a_link_after_the_look_at_it_is_not_followed(tmp_path):
    source = fill(tmp_path / "in", "eva.ipynb", "secret")
    (entry,) = [e for e in entries.of_folder(source) if e.name == "eva.ipynb"]
    (source / "eva.ipynb").unlink()
    (source / "eva.ipynb").symlink_to(source / "secret")
    with pytest.raises(entries.Refused, match="cannot be read"):
        entry.read()


def special(path: Path, *, link: bool = False, name: str = "eva.ipynb") -> Path:
    info = zipfile.ZipInfo(name)
    if link:
        info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, b"/etc/passwd")
        archive.writestr("good.ipynb", b"good.ipynb")
    return path


def patched(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    return path


def encrypted(path: Path) -> Path:
    """Sets the flag of encryption of the first entry, in both of its headers."""
    data = bytearray(special(path).read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


def bomb(path: Path, lie: bool) -> Path:
    """33 MB of zeros; with a lie, the zip says that they are 100 bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eva.ipynb", bytes(entries.LARGEST + 1))
        archive.writestr("good.ipynb", b"good.ipynb")
    if lie:
        patched(path, struct.pack("<L", entries.LARGEST + 1), struct.pack("<L", 100))
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: special(path, link=True), "symbolic link"),
        (lambda path: special(path, name="../../eva.ipynb"), "out of the folder"),
        (lambda path: special(path, name="..\\eva.ipynb"), "out of the folder"),
        (lambda path: special(path, name="/tmp/eva.ipynb"), "absolute"),
        (lambda path: special(path, name="C:\\eva.ipynb"), "absolute"),
        (encrypted, "encrypted"),
        (lambda path: bomb(path, lie=False), "more than 32 MB"),
        (lambda path: bomb(path, lie=True), "cannot be read"),
        (lambda path: patched(special(path), b"/etc/passwd", b"/etc/passwe"), "cannot be read"),
    ],
    ids=[
        "link",
        "up",
        "up in Windows",
        "absolute",
        "drive",
        "encrypted",
        "bomb",
        "lying",
        "damage",
    ],
)
def test_a_bad_entry_of_a_zip_costs_its_student_alone(tmp_path, make, reason):
    found = collected(make(tmp_path / "in.zip"), tmp_path)
    assert reason in problems(found)["eva"]
    assert taken(found) == {"good": "good.ipynb"}


def test_what_says_that_it_is_too_large_is_not_even_opened(tmp_path):
    with zipfile.ZipFile(bomb(tmp_path / "in.zip", lie=False)) as archive:
        refusals = [entry.refusal for entry in entries.of_zip(archive)]
    assert refusals == ["it has more than 32 MB", ""]


def test_a_large_file_of_a_folder_is_refused_while_it_is_read(tmp_path):
    source = fill(tmp_path / "in", "good.ipynb")
    with (source / "eva.ipynb").open("wb") as file:
        file.truncate(entries.LARGEST + 1)
    found = collected(source, tmp_path)
    assert "more than 32 MB" in problems(found)["eva"]
    assert list(taken(found)) == ["good"]


def test_all_files_together_have_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("grading.submissions.ALL", 25)
    found = collected(fill(tmp_path / "in", "aaaa.ipynb", "bbbb.ipynb", "cccc.ipynb"), tmp_path)
    assert list(taken(found)) == ["aaaa", "bbbb"]
    assert "all notebooks together" in problems(found)["cccc"]


def test_what_is_no_folder_and_no_zip_is_an_error_that_names_it(tmp_path):
    (tmp_path / "in.zip").write_bytes(b"PK\x03\x04 no zip at all")
    (tmp_path / "empty").mkdir()
    pack(tmp_path / "hidden.zip", "__MACOSX/._a.ipynb")
    for name in ("in.zip", "empty", "hidden.zip", "missing"):
        with pytest.raises(ValueError, match=name):
            collect(tmp_path / name, tmp_path)
