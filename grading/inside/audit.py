"""Notes for people about what no exercise needs: files, network, processes, a patched library.

A trip wire and no wall: whoever knows it can step over it. Marks do not depend on it.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import PurePath
from types import FrameType, FunctionType
from typing import Any

from grading.inside.cells import CELL

MOST = 20
"""Notes of a submission."""
_EACH = 4
"""Notes of one kind of event, so that the first kind does not take all of them."""
_FILES = (
    *("open", "os.chmod", "os.chown", "os.link", "os.listdir", "os.mkdir", "os.remove"),
    *("os.rename", "os.rmdir", "os.scandir", "os.symlink", "os.truncate", "os.utime"),
)
_ALWAYS = (
    *("ctypes.", "gc.get_", "marshal.load", "os.exec", "os.fork", "os.kill", "os.posix_spawn"),
    *("os.setns", "os.spawn", "os.symlink", "os.system", "os.unshare", "pickle.find_class"),
    *("resource.prlimit", "resource.setrlimit", "signal.pthread_kill", "socket.", "subprocess."),
    *("sys._current_frames", "sys.addaudithook", "sys.setprofile", "sys.settrace", "urllib."),
)
_WATCHED = (*_FILES, *_ALWAYS, "os.putenv")
_VARIABLES = ("LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "PYTHONSTARTUP", "HOME")
_PATCHED = ("torch", "numpy", "course_utils", "builtins", "json", "math", "random", "grading")
_STANDARD = os.path.dirname(os.__file__)
_READING = ("open", "os.listdir", "os.scandir")


def start(report: Callable[[str], None]) -> None:
    """From now on report what a student's code tries; there is no way to stop it again."""
    sys.addaudithook(_Wire(report))


class _Wire:
    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._texts: set[str] = set()
        self._events: Counter[str] = Counter()
        self._own = (os.getcwd(), "/tmp", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
        self._readable = (sys.base_prefix, "/usr", *(place for place in sys.path if place))

    def __call__(self, event: str, values: tuple[Any, ...]) -> None:
        # By cost: most events are imports of libraries, and looking at the stack takes longest.
        if not event.startswith(_WATCHED) or len(self._texts) >= MOST:
            return
        text = self._describe(event, values)
        known = text in self._texts or self._events[event] >= _EACH
        if text and not known and _by_student(sys._getframe(1)):
            self._texts.add(text)
            self._events[event] += 1
            self._report(text)

    def _describe(self, event: str, values: tuple[Any, ...]) -> str:
        """What an event does, in a line; "" for what ordinary notebooks do."""
        words = [_text(value) for value in values[:3]]
        if event == "os.putenv":
            return f"{event} {words[0]}" if words[0] in _VARIABLES else ""
        if event.startswith(_ALWAYS):
            return f"{event} {' '.join(words)}".strip()[:200]
        writes = event not in _READING
        if event == "open":
            writes = values[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0
        path = os.path.normpath(words[0])
        # Not `abspath`: in a folder that lies very deep, that takes seconds.
        if not path.startswith(("/", "..")) or _within(path, self._own):
            return ""
        if not writes and _within(path, self._readable):
            return ""
        return f"{event} {path}" + (" for writing" if writes and event == "open" else "")


def _within(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(place + "/") for place in places)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf8", "replace")
    if isinstance(value, str | int | float | list | tuple | PurePath):
        return str(value)[:1000]
    return ""


def _by_student(frame: FrameType | None) -> bool:
    """Whether a cell did it, itself or through the standard library, and not a library for it."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(CELL):
            return True
        if name.startswith("<frozen importlib") or not name.startswith((_STANDARD, "<")):
            return False
        if "-packages" in name or name.endswith("/platform.py"):
            return False
        frame = frame.f_back
    return False


def replaced() -> list[str]:
    """Names of functions of libraries that cells have put their own in place of."""
    found = []
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in _PATCHED and module is not None:
            for key, value in list(vars(module).items()):
                if type(value) is FunctionType and value.__code__.co_filename.startswith(CELL):
                    found.append(f"{name}.{key}")
    return found
