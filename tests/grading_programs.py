"""Programs that sit at the other end of the grader's channel in place of a worker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from grading.box import WORKER, Box, Sandbox, started
from grading.package import Limits

SEND = """
import json, os, sys
def send(**message): os.write(1, json.dumps(message).encode() + b"\\n")
def receive(): return json.loads(sys.stdin.readline())
"""
WORK = """
receive(); send(id="hello"); run = receive(); send(id=run["id"], done=True)
def answer(**fields):
    call = receive()
    x = call["inputs"]["dict"]["x"]
    send(**{"id": call["id"], "status": "answered", "value": x, **fields})
"""


class Program(Sandbox):
    """Runs the program each time that a worker is to be started."""

    name = "program"

    def __init__(self, code: str, exceeded: str = "") -> None:
        self.code, self.exceeded, self.starts = code, exceeded, 0

    @contextmanager
    def open(self, limits: Limits, code: str = WORKER) -> Iterator[Box]:
        self.starts += 1
        with started([sys.executable, "-S", "-c", SEND + self.code]) as process:
            yield Box(process, lambda: self.exceeded)
