"""What is said to the workers of one notebook, one after the other, and what they answer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any, Literal

from grading.box import Box, SandboxError
from grading.channel import Channel, Stopped
from grading.package import Limits
from grading.plain import decode, encode
from grading.records import Answer, AnswerStatus, Call, Note, Transcript

Kind = Literal["cell", "limit", "attempt", "channel", "unreadable"]
GRACE = 2.0
"""Seconds for a worker to stop a cell or a call by itself, which saves a new start."""
START = 120.0
"""Seconds for a worker to load PyTorch, on a machine that does much else."""
NOTES = 40
"""That a notebook can give of itself; the rest is left out."""
_LEAST = 1 << 10
"""Bytes that a worker must be able to send to be worth a start."""
_LONGEST = 500
_STATUS = ("answered", "not attempted", "raised", "timed out")
_CRASHES = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")


class Conversation:
    """Goes on, from box to box, where it was stopped.

    Args:
        setup: what a worker gets first, see `inside.student.Student`; nothing of the student's.
        notebook: the text of the file.
        deadline: when all of it ends, a time of `time.monotonic`.
    """

    def __init__(
        self,
        setup: dict[str, Any],
        notebook: str,
        calls: Sequence[Call],
        limits: Limits,
        deadline: float,
    ) -> None:
        self._setup, self._notebook, self._calls = setup, notebook, calls
        self._limits, self._deadline = limits, deadline
        self._answers: dict[int, Answer] = {}
        self._skip: set[int] = set()
        self._notes: dict[Note, None] = {}
        self._left, self._printed = limits.answer, 0
        self._cell = 0
        self._call: int | None = None
        self._hopeless = False

    @property
    def over(self) -> bool:
        """Whether there is nothing more to say, or no time for it."""
        done = len(self._answers) == len(self._calls)
        used_up = time.monotonic() > self._deadline or self._left < _LEAST
        return done or self._hopeless or used_up

    def go_on(self, box: Box) -> None:
        """Talk to a new worker until it has answered all calls or is of no more use."""
        channel = Channel(box, self._left)
        self._cell, self._call = 0, None
        try:
            _greet(channel, self._setup)
            self._run_cells(channel)
            for number, call in enumerate(self._calls):
                if number not in self._answers:
                    self._call = number
                    self._answers[number] = self._ask(channel, call)
                    # What is thrown away with its sender takes nothing from the others.
                    self._left = channel.left
        except Stopped as stop:
            self._take_down(stop)
        finally:
            self._printed += channel.printed
            channel.close()

    def transcript(self, seconds: float) -> Transcript:
        """All answers, also of calls that were not made, and the notes."""
        missing = Answer("not reached", text="what a submission may use was used up before")
        if self._hopeless:
            missing = Answer("died", text="its process died before the first cell")
        answers = [self._answers.get(number, missing) for number in range(len(self._calls))]
        if self._printed > self._limits.answer:
            self._note("limit", f"it printed {self._printed >> 20} MiB")
        return Transcript(tuple(answers), tuple(self._notes), seconds)

    def _run_cells(self, channel: Channel) -> None:
        token = _token()
        channel.send({"id": token, "skip": sorted(self._skip), "notebook": self._notebook})
        while True:
            message = self._receive(channel, token, self._limits.cell_seconds)
            if message.get("done") is True:
                return
            cell = message.get("cell")
            if type(cell) is not int or cell < 1:
                raise Stopped("channel", "it named a cell that cannot be")
            self._cell = cell

    def _ask(self, channel: Channel, call: Call) -> Answer:
        # A token that nobody could know before: what was written in advance answers nothing.
        token = _token()
        request = {"id": token, "function": call.function, "code": call.code}
        channel.send(request | {"inputs": encode(call.inputs)})
        message = self._receive(channel, token, self._limits.call_seconds)
        status, text = message.get("status"), message.get("text", "")
        if status not in _STATUS or not isinstance(text, str):
            raise Stopped("channel", "it gave an answer that is none")
        answer = Answer(status, decode(message.get("value")), _clean(text))
        if status == "timed out":
            self._give_up(call.function, answer)
        return answer

    def _receive(self, channel: Channel, token: str, seconds: float) -> dict[str, Any]:
        """The answer to a request; notes come before it at any time."""
        deadline = min(time.monotonic() + seconds + GRACE, self._deadline)
        while True:
            message = channel.receive(deadline)
            if "note" not in message:
                break
            match message["note"]:
                case ["cell" | "limit" | "attempt" | "unreadable" as kind, str(text)]:
                    if len(self._notes) < NOTES:
                        self._note(kind, text)
                case _:
                    raise Stopped("channel", "it gave a note that is none")
        if message.get("id") != token:
            raise Stopped("channel", "it answered what it was not asked")
        return message

    def _take_down(self, stop: Stopped) -> None:
        """Blame the call or cell that the worker was at, and leave it out from now on."""
        kind, text = _explain(stop)
        late = time.monotonic() >= self._deadline
        if late:
            kind, text = "limit", "the time for the whole submission was used up"
        if self._call is not None:
            where = self._calls[self._call].function
            if not late:
                status: AnswerStatus = "timed out" if stop.reason == "timed out" else "died"
                self._answers[self._call] = Answer(status, text=text)
                self._give_up(where, Answer(status, text=f"not called again: {text}"))
        elif self._cell:
            where = f"code cell {self._cell}"
            self._skip.add(self._cell)
        else:
            where = "before the first cell"
            self._hopeless = True
        self._note(kind, f"{where}: {text}")

    def _give_up(self, function: str, answer: Answer) -> None:
        """Answer all calls of a function that are left, without making them."""
        for number, call in enumerate(self._calls):
            if call.function == function:
                self._answers.setdefault(number, answer)

    def _note(self, kind: Kind, text: str) -> None:
        self._notes[Note(kind, _clean(text))] = None


def _greet(channel: Channel, setup: dict[str, Any]) -> None:
    """Wait until the worker is there, on which a student has no influence yet."""
    channel.send(setup)
    try:
        hello = channel.receive(time.monotonic() + START)
    except Stopped as stop:
        said = channel.tail.decode("utf8", "replace").strip()
        raise SandboxError(f"no worker starts: {stop.text or stop.reason}; {said}") from None
    if hello.get("id") != "hello":
        raise SandboxError(f"another program than the worker answers: {hello}")


def _explain(stop: Stopped) -> tuple[Kind, str]:
    """Kind and text of a note."""
    if stop.reason == "channel":
        return "channel", f"the grader's channel was used by something else: {stop.text}"
    if stop.reason == "timed out":
        return "limit", "it did not end when its time was up, and was killed"
    if stop.reason == "used up":
        return "limit", stop.text
    if stop.text.startswith("exit code"):
        return "attempt", f"it ended the process of the grader with {stop.text}"
    crashed = stop.text.endswith(_CRASHES)
    return ("cell", f"Python crashed: {stop.text}") if crashed else ("limit", stop.text)


def _token() -> str:
    return secrets.token_hex(8)


def _clean(text: str) -> str:
    """One line of what can be shown anywhere."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_LONGEST]).strip()
