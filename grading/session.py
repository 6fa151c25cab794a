"""One notebook behind a wall: run its cells, call its functions, write down what it says."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grading.conversation import Conversation
from grading.package import Package
from grading.records import Answer, Call, Note, Transcript
from grading.sandbox import Sandbox

LARGEST = 20 << 20
"""Bytes of a notebook."""
STARTS = 10
"""How often a worker is started for one notebook; each time costs a second."""


def run(notebook: Path, package: Package, calls: Sequence[Call], sandbox: Sandbox) -> Transcript:
    """Run a notebook in a sandbox and make the calls; an answer for each, in order.

    A cell or call that ends the process, or does not end itself, is left out in a new start, so
    that the rest can be answered. Calls of a function after one that did so are not made.

    Raises `SandboxError` if the sandbox does not start, and nothing for what a notebook does.
    """
    begin = time.monotonic()
    try:
        text = read(notebook)
    except ValueError as error:
        return Transcript(
            (Answer("not attempted"),) * len(calls), (Note("unreadable", str(error)),)
        )
    end = begin + package.limits.seconds
    conversation = Conversation(_setup(package), text, calls, package.limits, end)
    for _ in range(STARTS):
        if not conversation.over:
            with sandbox.open(package.limits) as box:
                conversation.go_on(box)
    return conversation.transcript(time.monotonic() - begin)


def _setup(package: Package) -> dict[str, Any]:
    """What a worker has to know; all of it is in students' notebooks, too."""
    return {
        "context": package.context,
        "limits": asdict(package.limits),
        "stubs": {question.function: question.stub for question in package.questions},
    }


def read(notebook: Path) -> str:
    """The text of a regular file that is not too large; ValueError says what it is instead."""
    try:
        # Links lead to files of the grader, and opening a pipe waits for a writer.
        number = os.open(notebook, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        what = "a symbolic link" if notebook.is_symlink() else f"not readable ({error.strerror})"
        raise ValueError(f"the file is {what}") from None
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise ValueError("it is not a regular file")
        with os.fdopen(number, "rb", closefd=False) as file:
            data = file.read(LARGEST + 1)
    finally:
        os.close(number)
    if len(data) > LARGEST:
        raise ValueError(f"the file has more than {LARGEST >> 20} MiB; clear its outputs")
    return data.decode("utf-8-sig", "replace")
