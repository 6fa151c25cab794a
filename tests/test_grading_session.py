"""What a session makes of ordinary notebooks, and of those that are broken in one way each."""

from __future__ import annotations

import os

import pytest
from grading_runs import RIGHT, calls, notebook, run, stub, working_sandbox

SCALE, SHIFT, POWER = RIGHT.values()
RIGHTS = {"scale": 2, "shift": 2, "power": 2}


@pytest.fixture(scope="module")
def sandbox():
    return working_sandbox()


@pytest.fixture
def grade(sandbox, tmp_path):
    """Run cells, and make two calls of each function."""
    return lambda *cells, **limits: run(tmp_path, notebook(*cells), calls(), sandbox, **limits)


@pytest.fixture
def grade_file(sandbox, tmp_path):
    """The same for the content of a file."""
    return lambda content, **limits: run(tmp_path, content, calls(), sandbox, **limits)


def statuses(done) -> list[str]:
    return [answer.status for answer in done.transcript.answers]


def test_a_right_notebook_is_right_without_a_note(grade) -> None:
    done = grade("import torch", SCALE, SHIFT, POWER, cell_seconds=60)
    assert done.right == RIGHTS
    assert done.transcript.notes == ()


def test_stubs_and_missing_functions_are_not_attempted(grade) -> None:
    changed = "def shift(x, by):\n    # to do\n    raise NotImplementedError()"
    done = grade(stub("scale"), changed, f"{stub('scale')}\nscale(1, 2)")
    assert statuses(done) == ["not attempted"] * 6
    assert done.transcript.notes == ()


def test_what_a_function_raises_is_told_with_its_line(grade) -> None:
    wrong = "def shift(x, by):\n    by = None\n    return x['first']"
    done = grade(SCALE, wrong, "def power(x, by):\n    raise ValueError('z' * 1000 + '\\x1b[2J')")
    assert done.right == {"scale": 2, "shift": 0, "power": 0}
    shift, power = done.transcript.answers[2], done.transcript.answers[4]
    assert shift.status == power.status == "raised"
    assert shift.text.endswith("(line 3 of code cell 2: `return x['first']`)")
    assert power.text.startswith("ValueError: zzz")
    assert 300 < len(power.text) < 400
    assert power.text.isprintable()


def test_cells_that_raise_are_noted_and_cost_nothing_else(grade) -> None:
    done = grade(SCALE, "1 / 0", SHIFT, "if:", POWER, "import sys; sys.exit(3)")
    assert done.right == RIGHTS
    notes = done.notes("cell")
    assert "code cell 2: ZeroDivisionError: division by zero (line 1 of code cell 2" in notes
    assert "code cell 4: SyntaxError: invalid syntax (line 1" in notes
    assert "code cell 6: SystemExit: 3" in notes


def test_a_function_that_does_not_end_costs_only_its_own_answers(grade) -> None:
    hard = "import time\ndef shift(x, by):\n    try:\n        time.sleep(60)\n"
    hard += "    except BaseException:\n        time.sleep(60)"
    done = grade(SCALE, "def power(x, by):\n    while True: pass", hard, call_seconds=1)
    assert done.right == {"scale": 2, "shift": 0, "power": 0}
    assert statuses(done) == ["answered"] * 2 + ["timed out"] * 4
    assert "power: stopped after 1 s (line 2 of code cell 2" in done.notes("limit")
    assert "shift: stopped after 1 s (line 6 of code cell 3" in done.notes("limit")


def test_a_process_that_a_cell_starts_does_not_answer_too(grade) -> None:
    done = grade(SCALE, "import os\nos.fork()", SHIFT, POWER)
    assert done.right == RIGHTS
    assert {note.kind for note in done.transcript.notes} == {"attempt"}


def test_a_cell_that_does_not_end_costs_only_what_it_would_have_defined(grade) -> None:
    endless = SHIFT + "while True: pass\n" + stub("scale")
    in_c = "import collections, itertools\ncollections.deque(itertools.repeat(0), 0)"
    done = grade(SCALE, endless, in_c, POWER, cell_seconds=1)
    assert done.right == RIGHTS
    assert "code cell 2: stopped after 1 s (line 3" in done.notes("limit")
    assert "code cell 3: it did not end when its time was up" in done.notes("limit")


def test_all_of_a_notebook_has_one_time_limit(grade) -> None:
    slow = "import time\n\ndef power(x, by):\n    time.sleep(30)"
    done = grade(SCALE, SHIFT, slow, call_seconds=60, seconds=15)
    assert done.seconds < 25
    assert statuses(done) == ["answered"] * 4 + ["not reached"] * 2
    assert "power: the time for the whole submission was used up" in done.notes("limit")


@pytest.mark.parametrize("content", [b"", os.urandom(4096)], ids=["empty", "binary"])
def test_what_is_no_notebook_is_said_to_be_none(grade_file, content) -> None:
    done = grade_file(content)
    assert statuses(done) == ["not attempted"] * 6
    assert "it is no notebook: not JSON" in done.notes("unreadable")


def test_a_notebook_without_cells_is_not_attempted(grade) -> None:
    done = grade()
    assert statuses(done) == ["not attempted"] * 6
    assert done.transcript.notes == ()


def links(path) -> None:
    path.symlink_to("/etc/passwd")


def fills(path) -> None:
    with path.open("wb") as file:
        file.truncate(21 << 20)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (links, "symbolic link"),
        (os.mkfifo, "not a regular file"),
        (os.mkdir, "not a regular file"),
        (fills, "more than 20 MiB"),
        (lambda path: None, "No such file"),
    ],
    ids=["link", "pipe", "folder", "huge", "missing"],
)
def test_only_regular_files_are_opened(sandbox, tmp_path, make, problem) -> None:
    make(tmp_path / "submission.ipynb")
    done = run(tmp_path, None, calls(), sandbox)
    assert statuses(done) == ["not attempted"] * 6
    assert problem in done.notes("unreadable")
