"""The results folder: a seed for the batch, a verdict for each student, written at once."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from grading.files import write
from grading.records import Verdict


@dataclass(frozen=True)
class Result:
    """What became of one submission: a verdict, or why there is none.

    note: what a person should know beside the notes of the verdict.
    """

    student: str
    verdict: Verdict | None
    problem: str = ""
    note: str = ""


class Results:
    """A folder that several processes may write to at once; only its owner can read it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.verdicts = folder / "verdicts"
        self.feedback = folder / "feedback"
        for path in (folder, self.verdicts, self.feedback):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def seed(self, student: str) -> int:
        """The seed of a student's inputs: it follows from the seed of the batch, drawn once."""
        digest = sha256(f"{self._batch_seed()} {student}".encode()).digest()
        return int.from_bytes(digest[:7], "big")

    def save(self, result: Result, package: str, submission: str) -> None:
        """Write a verdict, or why there is none, for `find`."""
        if result.verdict:
            data = result.verdict.to_json()
        else:
            data = {"problem": result.problem, "package": package, "submission": submission}
        text = json.dumps(data, indent=1) + "\n"
        write(self.verdicts / f"{result.student}.json", text)

    def find(self, student: str, package: str, submission: str) -> Result | None:
        """What was saved of this file under this package, None if it is to be graded."""
        try:
            data = json.loads((self.verdicts / f"{student}.json").read_text(encoding="utf8"))
            if (data["package"], data["submission"]) != (package, submission):
                return None
            if "problem" in data:
                return Result(student, None, str(data["problem"]))
            return Result(student, Verdict.from_json(data))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time; the last of several to come sees what all have written."""
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _batch_seed(self) -> int:
        path = self.folder / "seed.txt"
        with suppress(FileNotFoundError):
            return self._read_seed(path)
        # A link is made at once and never over another: of several processes one draws the seed.
        descriptor, part = tempfile.mkstemp(dir=self.folder, prefix=".part")
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secrets.randbits(63)}\n")
        with suppress(FileExistsError):
            os.link(part, path)
        os.unlink(part)
        return self._read_seed(path)

    def _read_seed(self, path: Path) -> int:
        try:
            return int(path.read_text())
        except ValueError:
            raise ValueError(f"{path} holds no seed; remove it to draw a new one") from None
