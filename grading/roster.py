"""The file of students that an LMS exports and takes back: Canvas's gradebook, Moodle's worksheet.

- Canvas: columns `Student`, `ID`, `Section`, one for each assignment, named `Title (12345)`; rows
  before the students say what is posted by hand, and `Points Possible`.
- Moodle: columns `Identifier` with `Participant 12345`, `Grade`, `Maximum Grade`, and perhaps
  `Feedback comments`.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from grading.files import one_line, write

Row = list[str]
_TITLE = re.compile(r"(?P<title>.*) \((?P<number>\d+)\)", re.S)


@dataclass
class Roster:
    """A table, and what its columns mean.

    students: the rows of students by their id, for which cells of `rows` may be changed.
    grade, comment: columns to fill in. maximum: points in the LMS, where it says.
    """

    path: Path
    rows: list[Row]
    encoding: str
    delimiter: str
    newline: str
    students: dict[str, Row]
    names: tuple[int, ...]
    grade: int
    comment: int | None = None
    maximum: float | None = None

    def name(self, row: Row) -> str:
        """A student as the LMS names one."""
        return one_line(", ".join(row[column] for column in self.names))

    def save(self, path: Path) -> None:
        """Write the table in the form it was read in."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.newline)
        writer.writerows(self.rows)
        write(path, text.getvalue().encode(self.encoding, "xmlcharrefreplace"))


def read(path: Path, title: str, column: str | None = None) -> Roster:
    """Read an export of Canvas or Moodle; `title` or `column` says which column of Canvas to fill.

    ValueError names what is wrong: no such file, no CSV, a missing column, an id twice.
    """
    text, encoding = _decode(path)
    first = text.partition("\n")[0].rstrip("\r")
    for delimiter in ",;\t":
        header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        kind = _kind(header)
        if kind:
            roster = _table(path, text, encoding, delimiter)
            if kind == "Canvas":
                _canvas(roster, header, title, column)
            else:
                _moodle(roster, header)
            return roster
    raise ValueError(
        f"{path} has neither the columns of Canvas (Student, ID, Section) nor those of Moodle in "
        f"English (Identifier, Grade), but: {one_line(first) or 'nothing'}"
    )


def _table(path: Path, text: str, encoding: str, delimiter: str) -> Roster:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ValueError(f"{path} is not a CSV that can be read: {error}") from None
    width = len(rows[0])
    rows = [row + [""] * (width - len(row)) for row in rows if row]
    newline = "\r\n" if "\r\n" in text else "\n"
    return Roster(path, rows, encoding, delimiter, newline, {}, (), -1)


def _decode(path: Path) -> tuple[str, str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the roster {path} cannot be read: {error.strerror}") from None
    if data.startswith(b"PK"):
        raise ValueError(f"{path} is not a CSV; export it as CSV, not as a spreadsheet")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        return data.decode(encoding), encoding
    except UnicodeDecodeError:
        # Some code page of a spreadsheet. Whichever it is, all bytes come back as they were.
        return data.decode("latin-1"), "latin-1"


def _kind(header: Row) -> str:
    if "ID" in header and ("Student" in header or {"LastName", "FirstName"} <= set(header)):
        return "Canvas"
    return "Moodle" if "Identifier" in header else ""


def _canvas(roster: Roster, header: Row, title: str, column: str | None) -> None:
    roster.grade = _canvas_column(roster.path, header, title, column)
    roster.names = tuple(i for i, name in enumerate(header) if name in _CANVAS_NAMES)
    for line, row in enumerate(roster.rows[1:], 2):
        student = row[header.index("ID")].strip()
        if "Points Possible" in row[0]:
            roster.maximum = _number(row[roster.grade])
        elif student:
            _add(roster, student, row, line)


_CANVAS_NAMES = ("Student", "LastName", "FirstName", "ID")


def _canvas_column(path: Path, header: Row, title: str, column: str | None) -> int:
    """The column of an assignment: named whole, or the only one with its title."""
    matches = {i: match for i, name in enumerate(header) if (match := _TITLE.fullmatch(name))}
    if column is not None:
        wanted = [i for i, name in enumerate(header) if name == column.strip()]
    else:
        wanted = [i for i, match in matches.items() if _squeeze(match["title"]) == _squeeze(title)]
    if len(wanted) == 1:
        return wanted[0]
    sought = f"named {column!r}" if column is not None else f"titled {title!r}"
    raise ValueError(
        f"{path} has {len(wanted)} columns {sought}; name one of them with --column: "
        f"{_listed([header[i] for i in matches])}"
    )


def _moodle(roster: Roster, header: Row) -> None:
    for name in ("Identifier", "Grade"):
        if header.count(name) != 1:
            raise ValueError(
                f"{roster.path} has {header.count(name)} columns named {name!r}: {_listed(header)}"
            )
    roster.grade = header.index("Grade")
    roster.names = tuple(i for i, n in enumerate(header) if n in ("Full name", "Identifier"))
    lower = [name.lower() for name in header]
    if "feedback comments" in lower:
        roster.comment = lower.index("feedback comments")
    for line, row in enumerate(roster.rows[1:], 2):
        match = re.search(r"\d+$", row[header.index("Identifier")].strip())
        if not match:
            raise ValueError(f"{roster.path}, row {line}: Identifier has no number of a student")
        _add(roster, match[0], row, line)
        if "maximum grade" in lower:
            roster.maximum = _number(row[lower.index("maximum grade")])


def _add(roster: Roster, student: str, row: Row, line: int) -> None:
    if student in roster.students:
        raise ValueError(f"{roster.path}, row {line}: the id {student} stands in another row, too")
    roster.students[student] = row


def _number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def _squeeze(title: str) -> str:
    return " ".join(title.split()).casefold()


def _listed(names: list[str]) -> str:
    return one_line(", ".join(names) or "none", 1000)
