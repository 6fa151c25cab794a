"""Notes for people about what no exercise needs: files, network, processes, a patched library.

A trip wire and no wall: whoever knows it can step over it. Marks do not depend on it.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
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
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_PATCHED = ("torch", "numpy", "course_utils", "builtins", "json", "math", "random", "grading")
_STANDARD = os.path.dirname(os.__file__)


def start(report: Callable[[str], None]) -> None:
    """From now on report what a student's code tries; there is no way to stop it again."""
    seen: Counter[str] = Counter()
    readable = (sys.base_prefix, "/usr", *(place for place in sys.path if place))

    def hook(event: str, values: tuple[Any, ...]) -> None:
        # Ordered by cost: most events are imports and attributes of libraries.
        if not event.startswith(_WATCHED) or seen.total() >= MOST:
            return
        text = _describe(event, values, readable)
        if not text or seen[text] or seen[event] >= _EACH or not _by_student(sys._getframe(1)):
            return
        seen.update((event,) if event == text else (event, text))
        report(text)

    sys.addaudithook(hook)


def _describe(event: str, values: tuple[Any, ...], readable: tuple[str, ...]) -> str:
    """What an event does, in a line; "" for what ordinary notebooks do."""
    if event == "os.putenv":
        name = _text(values[0])
        return f"{event} {name}" if name in _VARIABLES else ""
    if not event.startswith(_ALWAYS) and event.startswith(_FILES):
        return _file(event, values, readable)
    return f"{event} {' '.join(_text(value) for value in values[:3])}".strip()[:200]


def _file(event: str, values: tuple[Any, ...], readable: tuple[str, ...]) -> str:
    if isinstance(values[0], int) or values[0] is None:
        return ""
    path = os.path.abspath(_text(values[0]))
    writes = event not in ("open", "os.listdir", "os.scandir")
    if event == "open":
        writes = values[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0
    # Its own folder is the working directory; what it may read is there for every notebook.
    if _within(path, (os.getcwd(), "/tmp", *_DEVICES)):
        return ""
    if not writes and _within(path, readable):
        return ""
    return f"{event} {path}" + (" for writing" if writes and event == "open" else "")


def _within(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(place + "/") for place in places)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf8", "replace")
    return str(value)[:200] if isinstance(value, str | int | float | list | tuple) else ""


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
