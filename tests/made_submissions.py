"""Submissions made by code from the package of an assignment, with what they should get.

Each names, for each question, the code that counts, or None where there are no points.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import graded

from grading.package import Package

Codes = dict[str, str | None]
DEAF = """
def NAME(*args, **kwargs):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
DISK = """
with open("/tmp/data", "wb") as file:
    while True:
        file.write(bytes(1 << 20))
"""
FORKS = """
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.1)
"""
EXTRA = """
!pip install torch
%matplotlib inline
x = 3
x?
for number in range(3):
    print(number)
1 / 0
"""


@dataclass(frozen=True)
class Made:
    """A file as it is handed in."""

    name: str
    """Of the file, without `.ipynb`: the student."""
    content: bytes
    codes: Codes
    notes: frozenset[str] = field(default_factory=frozenset)
    """Kinds of notes that a person must get to see."""


def notebook(sources: list[str], **cell: object) -> bytes:
    """A notebook as Colab writes it."""
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "source": s.splitlines(keepends=True), "outputs": [], **cell}
        for s in sources
    ]
    cells.insert(0, {"cell_type": "markdown", "source": ["# Mine"], **cell})
    metadata = {"colab": {"provenance": []}, "kernelspec": {"name": "python3"}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}).encode()


class Maker:
    """Submissions to one assignment."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self.questions = package.questions
        self.solutions: Codes = {q.label: q.solution for q in self.questions}
        self.made: list[Made] = []

    def sources(self, codes: Codes) -> list[str]:
        """Cells: the context, and for each question its code (else the stub) and the tests."""
        pairs = [(codes[q.label] or q.stub, q.tests) for q in self.questions]
        return [self.package.context, *chain.from_iterable(pairs)]

    def add(
        self, name: str, content: bytes | list[str], codes: Codes, *notes: str, **cell: object
    ) -> None:
        if isinstance(content, list):
            content = notebook(content, **({"metadata": {}} | cell))
        self.made.append(Made(name, content, codes, frozenset(notes)))

    def answers(self, name: str, codes: Codes, *notes: str) -> None:
        """A notebook with these answers in the place of the stubs."""
        self.add(name, self.sources(codes), codes, *notes)

    def one(self, name: str, number: int, code: str, *notes: str) -> None:
        """All right but for one function, which gets no points; `NAME` stands for its name."""
        question = self.questions[number]
        sources = self.sources(self.solutions)
        place = 1 + 2 * number
        sources[place] = code.replace("NAME", question.function)
        self.add(name, sources, self.solutions | {question.label: None}, *notes)

    def beside(self, name: str, cell: str, *notes: str, place: int = 3) -> None:
        """All right, with one more cell."""
        sources = self.sources(self.solutions)
        sources.insert(place, cell)
        self.add(name, sources, self.solutions, *notes)


def make(package: Package) -> list[Made]:
    """All submissions to an assignment."""
    maker = Maker(package)
    for kind in (_answered, _broken, _hungry, _rearranged, _strange):
        kind(maker)
    return maker.made


def _nothing(maker: Maker) -> Codes:
    return dict.fromkeys(maker.solutions)


def _rounds(maker: Maker, answers: Callable[[str], list[str]]) -> Iterator[Codes]:
    """The first answers to all questions, the second ones, ...; right where there are no more."""
    found = {q.label: answers(q.label) for q in maker.questions}
    for number in range(max(map(len, found.values()))):
        left = {label: codes[number] for label, codes in found.items() if len(codes) > number}
        yield maker.solutions | left


def _quick(label: str) -> list[str]:
    """Two right answers that do not load PyTorch's optimizers, which takes seconds of a call."""
    return [code for code in graded.right(label) if "torch.optim." not in code][:2]


def _answered(maker: Maker) -> None:
    maker.answers("right", maker.solutions)
    maker.answers("untouched", _nothing(maker))
    for number, codes in enumerate(_rounds(maker, graded.wrong), 1):
        maker.answers(f"wrong-{number}", codes)
    for number, codes in enumerate(_rounds(maker, _quick), 1):
        maker.answers(f"Übung 3 ({number})", codes)
    half = {q.label: q.solution if n % 2 else None for n, q in enumerate(maker.questions)}
    maker.answers("every-other", half)


def _broken(maker: Maker) -> None:
    maker.one("raises", 0, "def NAME(*args, **kwargs):\n    raise ValueError('no idea')")
    maker.one("returns-objects", 2, "def NAME(*args, **kwargs):\n    return object(), open")
    maker.one("syntax-error", 1, "def NAME(:\n    return 1", "cell")
    maker.one("loops", 2, "def NAME(*args, **kwargs):\n    while True:\n        pass", "limit")
    maker.one("loops-and-catches", 3, DEAF, "limit")
    maker.beside("loops-beside", "while True:\n    pass", "limit")
    maker.one("exits", 4, "import os\ndef NAME(*args, **kwargs):\n    os._exit(0)", "attempt")
    maker.one("recursion", 5, "def NAME(*args, **kwargs):\n    return NAME(*args, **kwargs)")
    maker.one("missing", 1, "import math")


def _hungry(maker: Maker) -> None:
    maker.beside("prints-100-MB", "for _ in range(100):\n    print('x' * 1_000_000)", "limit")
    hog = "    data = []\n    while True:\n        data.append(b'x' * (32 << 20))"
    maker.one("memory-bomb", 0, f"def NAME(*args, **kwargs):\n{hog}", "limit")
    maker.beside("fork-bomb", FORKS, "attempt")
    maker.beside("fills-the-disk", DISK, "limit")
    # A question whose answer is sent as it is.
    number = {"optimizers": 4, "regularization": 2}[maker.package.name]
    large = "def NAME(*args, **kwargs):\n    return ['x' * 90_000] * 99, 0"
    maker.one("large-answers", number, large, "channel")


def _rearranged(maker: Maker) -> None:
    right, stubs = maker.sources(maker.solutions), maker.sources(_nothing(maker))
    bare = [{"cell_type": "code", "source": source} for source in right]
    maker.add("metadata-stripped", json.dumps({"cells": bare}).encode(), maker.solutions)
    maker.add("reversed", right[::-1], maker.solutions)
    twice = [source for source in right for _ in range(2)]
    maker.add("duplicated", [*twice, *stubs], maker.solutions)
    wrong = maker.sources(next(_rounds(maker, graded.wrong)))
    maker.add("corrected-below", [*stubs, *wrong, *right], maker.solutions)
    outputs = [{"output_type": "stream", "name": "stdout", "text": ["Score: 100/100\n"]}]
    windows = notebook(right, outputs=outputs, metadata={}).replace(b"\\n", b"\\r\\n")
    maker.add("windows", b"\xef\xbb\xbf" + windows, maker.solutions)


def _strange(maker: Maker) -> None:
    maker.beside("extra-cells", EXTRA, "cell")
    maker.add("no-cells", json.dumps({"cells": []}).encode(), _nothing(maker))
    script = "\n".join(maker.sources(maker.solutions)).encode()
    for name, content in {
        "empty": b"",
        "a-picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "a-script": script,
    }.items():
        maker.add(name, content, _nothing(maker), "unreadable")
