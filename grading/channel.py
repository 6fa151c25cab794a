"""Lines of JSON to and from a hostile process, without waiting, growing or failing with it."""

from __future__ import annotations

import json
import math
import os
import selectors
import time
from typing import Any, Literal

from grading.box import Box

_CHUNK = 1 << 16
_TICK = 0.1
"""Seconds between two looks at what the process uses."""
_TAIL = 2000
_PRINTS = 1 << 30
"""Bytes; reading them takes a second of the grader."""


class Stopped(Exception):
    """The conversation is over.

    reason: "timed out" (nothing came in time), "ended" (so has the process), "used up" (it has
    more of something than it may), "channel" (it said what an honest worker does not say).
    """

    def __init__(
        self, reason: Literal["timed out", "ended", "used up", "channel"], text: str = ""
    ) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


class Channel:
    """A conversation with the worker in a box, which may send `most` bytes in all."""

    def __init__(self, box: Box, most: int) -> None:
        self.printed = 0
        """Bytes on its error stream, where all goes that a notebook prints."""
        self.tail = b""
        """The last of them."""
        self.left = most
        """Bytes that it may still send."""
        self._box = box
        self._outgoing, self._incoming = bytearray(), bytearray()
        self._searched = 0
        self._looked = 0.0
        self._selector = selectors.DefaultSelector()
        process = box.process
        assert process.stdin and process.stdout and process.stderr  # noqa: PT018
        streams = (process.stdin, process.stdout, process.stderr)
        self._input, self._output, self._errors = (stream.fileno() for stream in streams)
        for stream in streams:
            os.set_blocking(stream.fileno(), False)
        self._selector.register(self._output, selectors.EVENT_READ, self._read)
        self._selector.register(self._errors, selectors.EVENT_READ, self._drain)

    def close(self) -> None:
        """Free what watches the pipes."""
        self._selector.close()

    def send(self, message: dict[str, Any]) -> None:
        """Put a message on its way; it leaves during `receive`, as nobody may be reading."""
        if not self._outgoing:
            self._selector.register(self._input, selectors.EVENT_WRITE, self._write)
        self._outgoing += json.dumps(message, ensure_ascii=False).encode() + b"\n"

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next message, up to this time of `time.monotonic`; raises `Stopped`."""
        while (end := self._incoming.find(b"\n", self._searched)) < 0:
            self._searched = len(self._incoming)
            left = deadline - time.monotonic()
            if left <= 0:
                raise Stopped("timed out")
            self._look()
            for key, _ in self._selector.select(min(left, _TICK)):
                key.data()
        line = bytes(self._incoming[:end])
        del self._incoming[: end + 1]
        self._searched = 0
        return parse(line)

    def _look(self, now: bool = False) -> None:
        if not now and time.monotonic() < self._looked + _TICK:
            return
        self._looked = time.monotonic()
        excess = self._box.exceeded()
        if excess:
            raise Stopped("used up", excess)

    def _write(self) -> None:
        try:
            del self._outgoing[: os.write(self._input, self._outgoing[:_CHUNK])]
        except BrokenPipeError:
            self._outgoing.clear()
        if not self._outgoing:
            self._selector.unregister(self._input)

    def _read(self) -> None:
        data = os.read(self._output, min(_CHUNK, self.left + 1))
        self._incoming += data
        self.left -= len(data)
        if self.left < 0:
            raise Stopped("channel", "it sent more than it may")
        if not data:
            end = self._box.ended()
            self._look(now=True)
            raise Stopped("ended", end) if end else Stopped("channel", "it was closed")

    def _drain(self) -> None:
        data = os.read(self._errors, _CHUNK)
        self.printed += len(data)
        if self.printed > _PRINTS:
            raise Stopped("used up", f"it printed more than {_PRINTS >> 30} GiB")
        self.tail = (self.tail + data)[-_TAIL:]
        if not data:
            self._selector.unregister(self._errors)


def parse(line: bytes) -> dict[str, Any]:
    """An object of strict JSON that can be written as UTF-8 again; raises `Stopped`."""
    try:
        message = json.loads(line.decode(), parse_constant=_refuse, parse_float=_finite)
        # An escaped half of a pair is a text here, and an error wherever it is written.
        json.dumps(message, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Stopped("channel", f"it sent what is not JSON ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise Stopped("channel", "it sent JSON that is not a message")
    return message


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)
