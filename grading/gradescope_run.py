"""Grade the one submission of a Gradescope container and write its results.

Runs in the autograder that `grading.gradescope` packs, with nothing but what lies in there.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
import tempfile
import traceback
from functools import partial
from pathlib import Path
from typing import Any

from grading import entries, marking, session
from grading.entries import Refused
from grading.files import one_line, write
from grading.hints import cell_hint, hint
from grading.package import Limits, Package
from grading.records import Verdict
from grading.sandbox import Sandbox, choose

Results = dict[str, Any]


def main(root: Path) -> None:
    """Grade `root/submission` into `root/results/results.json`; there is a result in any case."""
    try:
        results = grade(Package.load(root / "source"), root / "submission")
    except Refused as error:
        results = _failure(f"Not graded: {error}.")
    except Exception:
        traceback.print_exc()  # Gradescope shows it to instructors
        results = _failure(
            "The grader failed. This says nothing about your notebook: tell your instructor."
        )
    write(root / "results" / "results.json", json.dumps(results, indent=1) + "\n", mode=0o644)


def grade(package: Package, submission: Path) -> Results:
    """Results of the one notebook in a folder; Refused if there is none, or more than one."""
    content = _notebook(submission)
    sandbox = _sandbox()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notebook.ipynb")
        path.write_bytes(content)
        run = partial(_run, path, package, sandbox)
        digest = hashlib.sha256(content).hexdigest()
        verdict = marking.mark(package, secrets.randbits(53), run, "", digest)
    return as_results(verdict, package.limits)


def as_results(verdict: Verdict, limits: Limits) -> Results:
    """A verdict in Gradescope's format: a test for each part, flags for instructors alone."""
    tests: list[Results] = [
        {
            "number": f"{i}.{j}",
            "name": f"{question.title}: {part.title}",
            "score": round(part.points, 4),
            "max_score": round(part.maximum, 4),
            "status": "passed" if part.status == "right" else "failed",
            "output": "Right." if part.status == "right" else hint(part, limits),
            "output_format": "text",
            "visibility": "visible",
        }
        for i, question in enumerate(verdict.questions, 1)
        for j, part in enumerate(question.parts, 1)
    ]
    if verdict.notes:
        tests.append(_flags(verdict))
    return {
        "score": verdict.points,
        "execution_time": round(verdict.seconds),
        "output": _summary(verdict),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _flags(verdict: Verdict) -> Results:
    lines = [f"{note.kind}: {one_line(note.text)}" for note in verdict.notes]
    return {
        "name": "Flags, for instructors",
        "status": "passed",
        "output": "\n".join(lines),
        "output_format": "text",
        "visibility": "hidden",
    }


def _summary(verdict: Verdict) -> str:
    lines = ["Your functions were called with inputs drawn anew for this submission."]
    if any(note.kind == "unreadable" for note in verdict.notes):
        lines.append("Your file could not be read as a notebook.")
    lines += [cell_hint(note) for note in verdict.notes if note.kind == "cell"][:20]
    return "\n".join(lines)


def _failure(text: str) -> Results:
    return {"score": 0, "output": text, "output_format": "text", "stdout_visibility": "hidden"}


def _notebook(folder: Path) -> bytes:
    found = [
        entry
        for entry in entries.of_folder(folder)
        if entry.name.lower().endswith(".ipynb") and not entry.is_folder
        if not any(part.startswith((".", "__MACOSX")) for part in entry.name.split("/"))
    ]
    if len(found) != 1:
        names = ", ".join(one_line(entry.name) for entry in found) or "none"
        raise Refused(f"hand in one notebook (.ipynb); found {names}")
    try:
        return found[0].read()
    except Refused as error:
        raise Refused(f"{one_line(found[0].name)}: {error}") from None


def _sandbox() -> Sandbox:
    if name := os.environ.get("AUTOGRADER_SANDBOX"):
        return choose(name)
    try:
        return choose("bubblewrap")
    except RuntimeError:  # most hosts allow no namespaces inside of a container
        return choose("container")


def _run(path: Path, package: Package, sandbox: Sandbox, calls: Any) -> Any:
    return session.run(path, package, calls, sandbox)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
