"""One notebook behind the wall: start it, call its functions, take down what it says."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Timer
from typing import Any

from grading.package import Package
from grading.plain import decode, encode
from grading.records import Answer, Call, Note, Transcript
from grading.sandbox import Sandbox


def run(notebook: Path, package: Package, calls: Sequence[Call], sandbox: Sandbox) -> Transcript:
    """Run a notebook in a sandbox and make the calls; an answer for each, in order.

    Never raises for what a notebook does. RuntimeError if the sandbox itself does not start.
    """
    begin = time.monotonic()
    process = subprocess.Popen(
        sandbox.command(package.limits),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    timer = Timer(package.limits.seconds, process.kill)
    timer.start()
    assert process.stdin is not None and process.stdout is not None

    def ask(request: dict[str, Any]) -> dict[str, Any]:
        request["id"] = secrets.token_hex(8)
        try:
            process.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            reply = json.loads(process.stdout.readline())  # type: ignore[union-attr]
            if reply["id"] == request["id"]:
                return dict(reply)
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return {"status": "died"}

    try:
        if not process.stdout.readline():
            raise RuntimeError(f"the sandbox {sandbox.name} did not start")
        setup = {
            "notebook": notebook.read_text(encoding="utf8", errors="replace"),
            "context": package.context,
            "tests": [q.tests for q in package.questions],
            "stubs": {q.function: q.stub for q in package.questions},
        }
        notes = [Note(kind, text) for kind, text in ask(setup).get("notes", [])]
        answers = []
        for call in calls:
            request = {"function": call.function, "code": call.code}
            # Entry by entry: `encode` would wrap the dict, and arguments need their names.
            reply = ask({**request, "inputs": encode(call.inputs)})
            status, value = reply.get("status", "died"), decode(reply.get("value"))
            answers.append(Answer(status, value, str(reply.get("text", ""))))
    finally:
        timer.cancel()
        process.kill()
        process.wait()
    return Transcript(tuple(answers), tuple(notes), time.monotonic() - begin)
