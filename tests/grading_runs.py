"""A small assignment, and one run of a notebook against it: answers, notes, and what is left."""

from __future__ import annotations

import json
import os
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from grading import session
from grading.box import WORKER, Box, Sandbox, SandboxError
from grading.package import Limits, Package, Question
from grading.plain import difference
from grading.records import Answer, Call, Transcript
from grading.sandbox import choose

ROOT = Path(__file__).resolve().parents[1]
STUB = 'def {0}(x, by):\n    """Document it."""\n    raise NotImplementedError\n'
TEST = (
    "from course_utils.checks import check\n\n"
    "def test_{0}({0}):\n    while True:\n        pass\n\n\ncheck({0}, test_{0})"
)
RIGHT = {
    "scale": "def scale(x, by):\n    return x * by\n",
    "shift": "def shift(x, by):\n    return x + by\n",
    "power": "def power(x, by):\n    return x ** by\n",
}
CALL = "def call(function, x, by):\n    return function(x, by)\n"
LIMITS = {
    "seconds": 90.0,
    "cell_seconds": 3.0,
    "call_seconds": 2.0,
    "memory": 600 << 20,
    "processes": 24,
    "disk": 8 << 20,
    "answer": 256 << 10,
}


def stub(name: str) -> str:
    return STUB.format(name)


def package(context: str = "", **limits: Any) -> Package:
    questions = tuple(
        Question(f"ex-{name}", name, 10, name, stub(name), TEST.format(name), code, CALL)
        for name, code in RIGHT.items()
    )
    return Package("tiny", "Tiny", "", context, questions, Limits(**(LIMITS | limits)))


def notebook(*cells: str, **fields: Any) -> str:
    code = [{"cell_type": "code", "source": cell, "metadata": {}, **fields} for cell in cells]
    prose = {"cell_type": "markdown", "source": ["# Mine\n"], "metadata": {}}
    return json.dumps({"cells": [prose, *code], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def calls(*names: str, times: int = 2) -> list[Call]:
    return [
        Call(name, CALL, {"x": 1 + random.random(), "by": 2.0})
        for name in names or RIGHT
        for _ in range(times)
    ]


def is_right(call: Call, answer: Answer) -> bool:
    x, by = call.inputs["x"], call.inputs["by"]
    expected = {"scale": x * by, "shift": x + by, "power": x**by}[call.function]
    return answer.status == "answered" and difference(expected, answer.value) == ""


class Marked(Sandbox):
    """A sandbox whose processes have a mark in their command lines, by which they are found."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.mark, self.name = sandbox, f"mark_{secrets.token_hex(8)}", sandbox.name

    @contextmanager
    def open(self, limits: Limits, code: str = WORKER) -> Iterator[Box]:
        with self.sandbox.open(limits, f"{code}  # {self.mark}") as box:
            yield box


def marked(mark: str) -> list[int]:
    """Processes with the mark in their command lines."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


@dataclass
class Run:
    """What a notebook said, and what was left of it."""

    transcript: Transcript
    right: dict[str, int]
    """Right answers of each function."""
    processes: list[int]
    files: list[str]
    groups: list[str]
    seconds: float = field(default=0.0)

    def notes(self, kind: str) -> str:
        return "\n".join(note.text for note in self.transcript.notes if note.kind == kind)

    def statuses(self, name: str, asked: list[Call]) -> list[str]:
        pairs = zip(asked, self.transcript.answers, strict=True)
        return [answer.status for call, answer in pairs if call.function == name]


def run(
    folder: Path,
    content: str | bytes | None,
    asked: list[Call],
    sandbox: Sandbox,
    temporary: str = "",
    context: str = "",
    **limits: Any,
) -> Run:
    """Run a notebook whose text this is; without one, what lies in the folder already."""
    temporary = temporary or tempfile.mkdtemp(dir=folder)
    path = folder / "submission.ipynb"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    wall = Marked(sandbox)
    begin = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", temporary)
        transcript = session.run(path, package(context, **limits), asked, wall)
    seconds = time.monotonic() - begin
    right = dict.fromkeys(RIGHT, 0)
    for call, answer in zip(asked, transcript.answers, strict=True):
        right[call.function] += is_right(call, answer)
    files, processes = os.listdir(temporary), marked(wall.mark)
    return Run(transcript, right, processes, files, groups_left(), seconds)


def groups_left() -> list[str]:
    """Control groups that this process has made and not removed."""
    below = [name for _, folders, _ in os.walk("/sys/fs/cgroup") for name in folders]
    return [name for name in below if name.startswith(f"grading-{os.getpid()}-")]


def working_sandbox() -> Sandbox:
    """Bubblewrap; without it the test is skipped, never in CI."""
    try:
        return choose("bubblewrap")
    except SandboxError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(f"notebooks run in bubblewrap: {error}")


def readable_python() -> str:
    """A Python of this version that other users may start; without one the test is skipped."""
    system = f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    for path in map(Path, (os.path.realpath(sys.executable), system)):
        if path.exists() and all(parent.stat().st_mode & 1 for parent in path.parents):
            return str(path)
    pytest.skip("no other user may start this Python")


def peek(sandbox: Sandbox, code: str, limits: Limits | None = None) -> Any:
    """What code says inside of a sandbox; it leaves it in `out`."""
    code = f"import json, os, sys\n{code}\nprint(json.dumps(out))"
    with sandbox.open(limits or package().limits, f"exec({code!r})") as opened:
        said, errors = opened.process.communicate(timeout=60)
    assert opened.process.returncode == 0, errors.decode()
    return json.loads(said)
