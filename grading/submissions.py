"""Who handed in what: a folder of notebooks, or what Canvas and Moodle give as a download.

- a folder or a zip with `ID.ipynb` for each student, in whatever sub-folders;
- Canvas: `name_[LATE_]USER_FILE_name of the file.ipynb`, where USER and FILE are numbers of Canvas;
- Moodle: `Full Name_PARTICIPANT_assignsubmission_file_/name of the file.ipynb`.
"""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading import entries
from grading.entries import Entry, Refused
from grading.files import one_line, safe

ALL = 8 << 30
"""Bytes of all notebooks together."""
CANVAS = re.compile(r"(?P<who>.*?_(?P<student>\d+))_(?:(?P<number>\d+)_)?.+")
MOODLE = re.compile(r"(?P<who>[^_]*_(?P<student>\d+))_assignsubmission_.*")
SYSTEM = ("__MACOSX", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Submission:
    """A notebook in a private folder, and whose it is.

    name: as it was handed in. note: how it was chosen, if there were several.
    """

    student: str
    path: Path
    name: str
    note: str = ""


@dataclass(frozen=True)
class Problem:
    """Somebody who cannot be graded, and why; student is "" where nobody knows whose file it is."""

    student: str
    text: str


@dataclass
class Collection:
    """All that was found."""

    submissions: list[Submission] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    """who: what the LMS calls the student. number: files of an LMS count upwards; 0 is none."""

    student: str
    who: str
    number: int
    entry: Entry


def collect(source: Path, folder: Path) -> Collection:
    """Copy the notebooks of a folder or a zip into an empty, private folder.

    ValueError if there is no such folder or zip, or nothing in it.
    """
    if source.is_dir():
        return _collect(entries.of_folder(source), source, folder)
    if not source.is_file():
        raise ValueError(f"there is no folder or zip of submissions {source}")
    try:
        archive = zipfile.ZipFile(source)
    except Exception as error:  # damage shows in many ways
        raise ValueError(
            f"{source} is neither a folder nor a zip that can be read ({error})"
        ) from None
    with archive:
        return _collect(entries.of_zip(archive), source, folder)


def _collect(found: Iterable[Entry], source: Path, folder: Path) -> Collection:
    visible = [entry for entry in found if not _is_hidden(entry.name)]
    if not visible:
        raise ValueError(f"there are no submissions in {source}")
    collection = Collection()
    by_student: dict[str, list[_File]] = defaultdict(list)
    for file in _files(visible, collection.problems):
        # Some file systems do not tell names apart that differ in case only.
        by_student[file.student.casefold()].append(file)
    left = ALL
    for number, files in enumerate(by_student.values()):
        try:
            chosen, note = _choose(files)
            content = _read(chosen.entry, left)
        except Refused as error:
            collection.problems.append(Problem(files[0].student, str(error)))
            continue
        left -= len(content)
        path = folder / f"{number}.ipynb"
        path.write_bytes(content)
        collection.submissions.append(Submission(chosen.student, path, _shown(chosen), note))
    collection.submissions.sort(key=lambda submission: submission.student)
    return collection


def _is_hidden(name: str) -> bool:
    return any(
        part in SYSTEM or (part.startswith(".") and part != "..") for part in name.split("/")
    )


def _files(visible: Sequence[Entry], problems: list[Problem]) -> Iterable[_File]:
    """Files with their owners; for Moodle also folders, which say who handed something in."""
    owned = _in_folder
    if any(map(_of_moodle, visible)):
        owned = _of_moodle
    elif any((file := _of_canvas(entry)) and file.number for entry in visible):
        owned = _of_canvas
    for entry in visible:
        if file := owned(entry):
            yield file
        elif entry.refusal or not entry.is_folder:
            reason = entry.refusal or "nothing in its name says whose it is"
            problems.append(Problem("", f"{one_line(entry.name)}: {reason}"))


def _of_moodle(entry: Entry) -> _File | None:
    # The first part that fits is Moodle's own; those after it are named by the student.
    matches = (MOODLE.fullmatch(part) for part in entry.name.split("/"))
    match = next((match for match in matches if match), None)
    return _File(match["student"], match["who"], 0, entry) if match else None


def _of_canvas(entry: Entry) -> _File | None:
    match = CANVAS.fullmatch(entry.name.rpartition("/")[2])
    if not match or entry.is_folder:
        return None
    return _File(match["student"], match["who"], int(match["number"] or 0), entry)


def _in_folder(entry: Entry) -> _File | None:
    name = entry.name.rpartition("/")[2]
    return None if entry.is_folder else _File(safe(name.rpartition(".")[0] or name), "", 0, entry)


def _choose(files: Sequence[_File]) -> tuple[_File, str]:
    """The one notebook of a student, and a note if there were more; Refused if that is unclear."""
    notebooks = [file for file in files if _is_notebook(file.entry)]
    if not notebooks:
        others = ", ".join(_shown(file) for file in files if not file.entry.is_folder)
        raise Refused(f"no notebook (.ipynb) among: {others}" if others else "no notebook (.ipynb)")
    if len({(file.student, file.who) for file in files}) > 1:
        names = ", ".join(_shown(file) for file in files)
        raise Refused(f"files of several people for one id: {names}")
    if len(notebooks) == 1:
        return notebooks[0], ""
    notebooks.sort(key=lambda file: file.number)
    names = ", ".join(_shown(file) for file in notebooks[:-1])
    newest = notebooks[-1]
    if newest.number == notebooks[-2].number:
        raise Refused(
            f"several notebooks, and nothing says which counts: {names}, {_shown(newest)}"
        )
    return newest, f"took the newest notebook, {_shown(newest)}, and not {names}"


def _is_notebook(entry: Entry) -> bool:
    return not entry.is_folder and entry.name.lower().endswith(".ipynb")


def _read(entry: Entry, left: int) -> bytes:
    try:
        content = entry.read()
    except Refused as error:
        raise Refused(f"{one_line(entry.name)}: {error}") from None
    if len(content) > left:
        raise Refused(f"all notebooks together have more than {ALL >> 30} GB")
    return content


def _shown(file: _File) -> str:
    return one_line(file.entry.name)
