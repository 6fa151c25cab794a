"""`python -m grading` and `make grade`: what is said, what is written, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from graded_package import HALF_RIGHT, RIGHT, FakeRun, notebook, package

from grading.__main__ import main, package_folder, shard_of

ROOT = Path(__file__).parents[1]
GRADEBOOK = (
    "Student,ID,SIS Login ID,Section,Numbers & more (42)\n"
    "    Points Possible,,,,20\nAdams,1,a,S,\nBaker,2,b,S,\nDoe,9,d,S,\n"
)


class Folders:
    """A built assignment and two submissions from Canvas."""

    def __init__(self, root: Path) -> None:
        self.root, self.out = root, root / "out"
        self.package = root / "built" / "numbers" / "autograder"
        self.package.mkdir(parents=True)
        package().save(self.package)
        self.submissions = root / "in"
        self.submissions.mkdir()
        (self.submissions / "adams_1_11_x.ipynb").write_bytes(notebook(RIGHT))
        (self.submissions / "baker_2_12_x.ipynb").write_bytes(notebook(HALF_RIGHT))

    def grade(self, *options: str, name: str = "numbers") -> int:
        arguments = [str(self.submissions), "--out", str(self.out), "--jobs", "1", *options]
        return main(["grade", name, *arguments])


@pytest.fixture
def folders(tmp_path, monkeypatch):
    made = Folders(tmp_path)
    monkeypatch.setattr("grading.__main__.BUILT", tmp_path / "built")
    monkeypatch.setattr("grading.__main__.choose", lambda name: None)
    made.run = FakeRun()
    monkeypatch.setattr("grading.session.run", made.run)
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if "SLURM" not in k})
    return made


def test_grades_pages_and_the_file_to_upload_are_written(folders, capsys):
    roster = folders.root / "gradebook.csv"
    roster.write_text(GRADEBOOK)
    assert folders.grade("--roster", str(roster)) == 0
    said = capsys.readouterr().out
    # Who is ready at the same time is told in any order.
    assert re.search(r"^\[[12]/2\] 2: 15 of 20 points", said, re.M)
    assert "[2/2]" in said
    assert "2 of 2 students graded" in said
    assert "1 in the roster, without a submission: Doe, 9" in said
    upload = (folders.out / "upload_gradebook.csv").read_text()
    assert upload == GRADEBOOK.replace("1,a,S,", "1,a,S,20").replace("2,b,S,", "2,b,S,15")
    assert roster.read_text() == GRADEBOOK
    assert (folders.out / "feedback" / "2.html").exists()
    assert "2,15,20,5,10," in (folders.out / "grades.csv").read_text()


def test_who_was_not_graded_is_named_and_the_status_says_so(folders, capsys):
    (folders.submissions / "cruz_3_13_x.pdf").write_bytes(b"")
    (folders.submissions / "stray.ipynb").write_bytes(notebook())
    folders.run.events[1] = RuntimeError("the sandbox broke")
    assert folders.grade() == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors == [
        "not graded: 1: RuntimeError: the sandbox broke",
        "not graded: 3: no notebook (.ipynb) among: cruz_3_13_x.pdf",
        "not graded: stray.ipynb: nothing in its name says whose it is",
    ]


def test_one_student_again_and_the_others_stay_in_the_files(folders, capsys):
    folders.grade()
    assert folders.grade("--student", "2") == 0
    assert folders.run.count == 3
    lines = (folders.out / "grades.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2"]
    assert "2 of 2 students graded" in capsys.readouterr().out


def test_a_shard_answers_for_its_own_students(folders, capsys):
    (folders.submissions / "cruz_3_13_x.pdf").write_bytes(b"")
    statuses = [folders.grade("--shard", f"{index}/3") for index in (1, 2, 3)]
    assert sorted(statuses) == [0, 0, 1]
    assert capsys.readouterr().err.count("not graded") == 1
    assert folders.run.count == 2


BAD = {
    "there is no built assignment 'other'": ["other"],
    "(built: numbers)": ["../numbers"],
    "1 <= I <= N": ["numbers", "--shard", "4/3"],
    "no folder or zip of submissions": ["numbers", "missing.zip"],
    "no submission of a student 'eva'": ["numbers", "--student", "eva"],
    "roster missing.csv cannot be read": ["numbers", "--roster", "missing.csv"],
    "invalid choice: 'sudo'": ["numbers", "--sandbox", "sudo"],
    "--jobs": ["numbers", "--jobs", "0"],
    "required": [],
}


@pytest.mark.parametrize("reason", BAD)
def test_bad_input_is_one_clear_line_and_status_2(folders, capsys, reason):
    name, *options = BAD[reason] or [""]
    source = [options.pop()] if options and options[0] == "missing.zip" else []
    arguments = ["grade", *([name] if name else [])]
    arguments += [*(source or [str(folders.submissions)]), *options, "--out", str(folders.out)]
    if not name:
        arguments = ["grade"]
    try:
        status = main(arguments)
    except SystemExit as stop:  # of argparse
        status = stop.code
    assert status == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("python -m grading grade: error: ")
    assert reason in last
    assert folders.run.count == 0


def test_a_student_who_cannot_be_graded_is_told_why(folders, capsys):
    (folders.submissions / "cruz_3_13_x.pdf").write_bytes(b"")
    assert folders.grade("--student", "3") == 2
    assert "student 3 cannot be graded: no notebook" in capsys.readouterr().err


def test_a_damaged_package_is_an_error_that_names_it(folders, capsys):
    (folders.package / "package.json").write_text("{}")
    assert folders.grade() == 2
    assert "package.json is not a package" in capsys.readouterr().err


def test_an_interruption_before_the_first_notebook_is_no_traceback(folders, capsys, monkeypatch):
    monkeypatch.setattr("grading.__main__.collect", lambda *_: signal.raise_signal(signal.SIGINT))
    assert folders.grade() == 130
    assert capsys.readouterr().err == "stopped\n"


def test_an_assignment_is_found_by_name_by_its_file_and_by_its_folder(folders):
    for name in ("numbers", "private/numbers.yml", str(folders.package)):
        assert package_folder(name) == folders.package


@pytest.mark.parametrize(
    ("environment", "shard"),
    [
        ({}, None),
        ({"JOB_COMPLETION_INDEX": "7", "SHARDS": "8"}, (8, 8)),
        ({"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "8"}, (2, 8)),
        (
            {
                "SLURM_ARRAY_TASK_ID": "5",
                "SLURM_ARRAY_TASK_MIN": "5",
                "SLURM_ARRAY_TASK_COUNT": "3",
            },
            (1, 3),
        ),
    ],
)
def test_shards_of_kubernetes_and_slurm(environment, shard):
    assert shard_of(None, environment) == shard
    assert shard_of("2/3", environment) == (2, 3)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "-1/3", "1/0", "", "1/3 "])
def test_a_shard_out_of_range_is_refused(text):
    with pytest.raises(ValueError, match="--shard"):
        shard_of(text, {})
    with pytest.raises(ValueError, match="--shard"):
        shard_of(None, {"JOB_COMPLETION_INDEX": "0"})


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["assignment"], "name an assignment: NAME="),
        (["grade"], "name an assignment: NAME="),
    ],
)
def test_make_says_what_is_missing(arguments, reason):
    done = subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.startswith(reason)


def test_make_hands_all_options_on():
    variables = ["NAME=a b", "SUBMISSIONS=c d", "ROSTER=e f", "JOBS=3", "STUDENT=s", "OUT=o"]
    command = ["make", "--dry-run", "--old-file=.venv/.installed", "grade", *variables]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    options = '--roster "e f" --jobs "3" --student "s" --out "o"'
    said = " ".join(done.stdout.replace("\\\n", " ").split())
    assert f'-m grading grade "a b" "c d" {options}' in said


def test_ctrl_c_keeps_what_is_done_and_cuts_no_notebook_short(folders):
    """As a terminal does it: all processes of the group get the signal."""
    slow = "import time\ntime.sleep(1.5)"
    for number in range(3, 7):
        path = folders.submissions / f"s{number}_{number}_13_x.ipynb"
        path.write_bytes(notebook([slow, *RIGHT.values()]))
    arguments = [str(folders.package), str(folders.submissions), "--out", str(folders.out)]
    arguments += ["--jobs", "2", "--no-sandbox-i-trust-every-notebook"]
    process = subprocess.Popen(
        [sys.executable, "-m", "grading", "grade", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while "[1/6]" not in process.stdout.readline():
        pass
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopping after the" in said
    assert "the same command goes on where it stopped" in errors
    assert "Traceback" not in errors
    graded = len(list((folders.out / "verdicts").iterdir()))
    assert 1 <= graded < 6
    assert folders.grade() == 0
    assert folders.run.count == 6 - graded
    rows = (folders.out / "grades.csv").read_text("utf-8-sig").splitlines()
    points = {row.split(",")[0]: row.split(",")[1] for row in rows[1:]}
    assert points == {str(number): "15" if number == 2 else "20" for number in range(1, 7)}
