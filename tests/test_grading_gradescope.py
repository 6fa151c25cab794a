"""The autograder that Gradescope takes: what is in it, and that it grades as the batch does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from graded_package import HALF_RIGHT, RIGHT, FakeRun, notebook, package

from grading import batch, gradescope, gradescope_run
from grading.entries import Refused
from grading.package import Limits, Package
from grading.records import Note, Part, QuestionMark, Verdict
from grading.submissions import Submission

SCRIPTS = Path(gradescope.__file__).parent / "gradescope"
# Of a build, none of which a grader may need.
BLOCKED = ("jinja2", "jupyter_client", "jupytext", "myst_parser", "nbformat", "sphinx", "yaml")


@pytest.fixture
def archive(tmp_path) -> Path:
    folder = tmp_path / "built"
    folder.mkdir()
    return gradescope.pack(package(seconds=60.0), folder)


def members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_the_zip_has_what_gradescope_asks_for_and_the_grader_needs(archive):
    names = members(archive)
    assert {"setup.sh", "run_autograder", "package.json", "requirements.txt"} <= names.keys()
    needed = {"gradescope_run", "worker", "inside/student", "marking", "session", "drawing"}
    assert {f"grading/{name}.py" for name in needed} <= names.keys()
    assert "course_utils/checks.py" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".ipynb")]
    imported = {name for data in names.values() for name in _imports(data)}
    assert not imported & set(BLOCKED)
    with zipfile.ZipFile(archive) as file:
        modes = {info.filename: info.external_attr >> 16 for info in file.infolist()}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o100755
    assert modes["package.json"] == 0o100644


def _imports(data: bytes) -> set[str]:
    pattern = rb"^\s*(?:from|import) (\w+)"
    return {name.decode() for name in re.findall(pattern, data, re.M)}


def test_the_folder_holds_what_the_zip_does_and_can_be_graded_from(archive):
    folder = archive.parent / "autograder"
    files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert files == members(archive)
    assert Package.load(folder) == package(seconds=60.0)


def test_the_same_package_gives_the_same_bytes(archive, tmp_path):
    first = archive.read_bytes()
    for path in (archive.parent / "autograder").rglob("*"):
        os.utime(path, (2e9, 2e9))
    again = gradescope.pack(package(seconds=60.0), archive.parent)
    assert again.read_bytes() == first
    assert sorted(path.name for path in archive.parent.iterdir()) == [
        "autograder",
        "numbers_autograder.zip",
    ]
    assert gradescope.pack(package(seconds=61.0), archive.parent).read_bytes() != first


def test_requirements_are_pinned_and_name_an_index_only_if_told_to(archive, monkeypatch):
    lines = members(archive)["requirements.txt"].decode().splitlines()
    assert [line for line in lines if line.startswith("torch==")]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines)
    assert set(lines) <= set(members(archive)["constraints.txt"].decode().splitlines())
    # A folder of this machine says nothing to another.
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://index.example/cpu file:///packages")
    gradescope.pack(package(), archive.parent)
    lines = members(archive)["requirements.txt"].decode().splitlines()
    assert [line for line in lines if line.startswith("-")] == [
        "--extra-index-url https://index.example/cpu"
    ]


def test_a_password_of_an_index_does_not_go_to_gradescope(archive, monkeypatch):
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://me:secret@index.example/cpu")
    before = archive.read_bytes()
    with pytest.raises(ValueError, match="password"):
        gradescope.pack(package(), archive.parent)
    assert archive.read_bytes() == before


VERDICT = Verdict(
    "",
    (
        QuestionMark(
            "q",
            "Title",
            (
                Part("First", 10 / 3, 10 / 3, "right"),
                Part("Second", 0, 10 / 3, "raised", "KeyError: 0.77123"),
                Part("Third", 0, 10 / 3, "wrong", "off by up to 0.4821"),
            ),
        ),
    ),
    (Note("attempt", "opened\n/etc/passwd"), Note("cell", "code cell 2: NameError: 0.77123")),
    seconds=3.4,
)


def test_results_have_the_format_of_gradescope_and_hide_what_is_hidden():
    results = gradescope_run.as_results(VERDICT, Limits())
    assert results["score"] == 3.33
    assert results["stdout_visibility"] == "hidden"
    assert results["execution_time"] == 3
    assert "Code cell 2 raised NameError." in results["output"]
    *parts, flags = results["tests"]
    assert [part["status"] for part in parts] == ["passed", "failed", "failed"]
    assert [part["visibility"] for part in parts] == ["visible"] * 3
    assert parts[0]["name"] == "Title: First"
    assert sum(part["max_score"] for part in parts) == pytest.approx(10, abs=1e-3)
    assert flags["visibility"] == "hidden"
    assert "attempt: opened /etc/passwd" in flags["output"]
    shown = json.dumps([results["output"], *parts])
    assert not [text for text in ("77123", "0.4821", "passwd") if text in shown]


@pytest.mark.parametrize("names", [(), ("a.ipynb", "b/c.ipynb"), ("a.pdf",), (".x/a.ipynb",)])
def test_anything_but_one_notebook_is_refused_with_the_reason(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(notebook())
    with pytest.raises(Refused, match="hand in one notebook"):
        gradescope_run.grade(package(), tmp_path)


def test_a_link_is_refused(tmp_path):
    (tmp_path / "a.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="link"):
        gradescope_run.grade(package(), tmp_path)


class Container:
    """Folders as Gradescope makes them, with a Python that has no packages of the build."""

    def __init__(self, archive: Path, root: Path) -> None:
        self.root = root
        shutil.unpack_archive(archive, root / "source")  # loses the modes, as some programs do
        (root / "submission").mkdir()
        block = f"names = {BLOCKED!r}\n"
        block += "import sys\nsys.modules.update(dict.fromkeys(names))\n"
        (root / "blocked").mkdir()
        (root / "blocked" / "sitecustomize.py").write_text(block)
        self.python = root / "python"
        self.python.write_text(
            f'#!/bin/sh\nPYTHONPATH="{root}/blocked:$PYTHONPATH" exec {sys.executable} "$@"\n'
        )
        self.python.chmod(0o755)
        root.chmod(0o755)

    def grade(self, sandbox: str = "", **environment: str) -> dict[str, object]:
        keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        variables = {"AUTOGRADER_ROOT": str(self.root), "AUTOGRADER_PYTHON": str(self.python)}
        variables["AUTOGRADER_SANDBOX"] = sandbox
        command = ["bash", str(self.root / "source" / "run_autograder")]
        self.log = subprocess.run(
            command, env=keep | variables | environment, capture_output=True, text=True
        ).stderr
        return json.loads((self.root / "results" / "results.json").read_text())


@pytest.fixture
def container(archive):
    # Below pytest's own folder, which other users cannot enter, as below no container's.
    root = Path("/tmp") / f"autograder-{os.getpid()}"
    root.mkdir()
    yield Container(archive, root)
    shutil.rmtree(root)


def test_it_grades_as_the_batch_does(container, tmp_path):
    path = container.root / "submission" / "My homework.ipynb"
    path.write_bytes(notebook(HALF_RIGHT))
    submission = Submission("s", path, path.name)
    (batched,) = batch.grade(
        package(seconds=60.0),
        [submission],
        tmp_path / "out",
        1,
        None,
        lambda _: None,
        run=FakeRun(),
    )
    results = container.grade()
    assert "yaml" not in container.log
    assert results["score"] == batched.verdict.points == 15
    parts = [part for question in batched.verdict.questions for part in question.parts]
    assert [test["score"] for test in results["tests"]] == [part.points for part in parts]


THIEF = f"""
import glob
for path in ["ROOT/source/package.json", "ROOT/source/grading/marking.py"]:
    try:
        found = open(path).read()
        half = lambda x: x / 2
    except PermissionError:
        pass
open("ROOT/results/results.json", "w").write('{{"score": 1000}}')
{RIGHT["double"]}
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a notebook as another user")
def test_a_notebook_cannot_read_the_autograder_or_write_results(container):
    code = THIEF.replace("ROOT", str(container.root))
    (container.root / "submission" / "x.ipynb").write_bytes(notebook([RIGHT["double"], code]))
    results = container.grade(sandbox="container")
    assert results["score"] == 10, container.log
    assert "PermissionError" in results["output"]


def test_there_is_a_result_even_if_the_grader_does_not_start(container):
    assert container.grade(AUTOGRADER_PYTHON="/missing")["score"] == 0
    (container.root / "source" / "package.json").write_text("{}")
    results = container.grade()
    assert results["score"] == 0
    assert "nothing about your notebook" in results["output"]
    assert "package.json" in container.log


def test_modules_that_only_hidden_tests_import_come_with_them(archive):
    questions = [replace(q, hidden="import grading.roster\n") for q in package().questions]
    other = replace(package(), questions=tuple(questions))
    before = members(archive).keys()
    after = members(gradescope.pack(other, archive.parent)).keys()
    assert after - before == {"grading/roster.py"}
    assert before - after == {"grading/drawing.py"}


def test_the_set_up_takes_the_newest_python_and_installs_what_is_pinned(archive, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    log = f'echo "${{0##*/}} $*" >> {tmp_path}/log\n'
    venv = 'if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi\n'
    for name in ("apt-get", "python3.11", "python3.12"):
        (tools / name).write_text(f"#!/bin/sh\n{log}{venv}")
        (tools / name).chmod(0o755)
    for name in ("bash", "chmod", "cp", "mkdir", "sh"):
        (tools / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "root").mkdir()
    shutil.copytree(archive.parent / "autograder", tmp_path / "root" / "source")
    environment = {"AUTOGRADER_ROOT": str(tmp_path / "root"), "PATH": str(tools)}
    subprocess.run(["bash", SCRIPTS / "setup.sh"], env=environment, check=True)
    lines = (tmp_path / "log").read_text().splitlines()
    assert f"python3.12 -m venv {tmp_path}/root/python" in lines
    source = f"{tmp_path}/root/source"
    assert lines[-1].startswith("python -m pip install")
    assert lines[-1].endswith(f"-r {source}/requirements.txt -c {source}/constraints.txt")
    assert Path(source).stat().st_mode & 0o777 == 0o700
