"""What the processes in a box use, for hosts whose kernel cannot be told to limit it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from grading.package import Limits

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_INODE = 1024
"""About what the kernel keeps for a file in a tmpfs, an empty one too."""


def family(pid: int) -> list[int]:
    """A process and all that it has started, as far as they have not left it."""
    found = [pid]
    for number in found:
        with suppress(OSError):
            for task in (_PROC / str(number) / "task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def of_user(user: int) -> list[int]:
    """All processes of a user."""
    found = []
    for folder in _PROC.iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and folder.stat().st_uid == user and _lives(int(folder.name)):
                found.append(int(folder.name))
    return found


def wait_until_gone(pids: Iterable[int], seconds: float = 5.0) -> None:
    """Killed processes take a moment to die, and to free what they hold."""
    end = time.monotonic() + seconds
    while any(map(_lives, pids)) and time.monotonic() < end:
        time.sleep(0.005)


def _lives(pid: int) -> bool:
    with suppress(OSError):
        # Zombies hold nothing, and in a container nobody may be there to bury them.
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def memory(limits: Limits, pids: Callable[[], Iterable[int]]) -> Callable[[], str]:
    """Looks at the memory of processes, and of files that live in it; says if it is too much."""

    def exceeded() -> str:
        numbers = list(pids())
        files: dict[int, int] = {}
        for number in numbers:
            files |= _files(number)
        in_files = sum(files.values())
        # The second count takes the kernel longer, and is never larger.
        for count in (_resident, _share):
            if sum(map(count, numbers)) + in_files <= limits.memory:
                return ""
        return too_much_memory(limits)

    return exceeded


def disk(limits: Limits, places: Callable[[], list[str]]) -> Callable[[], str]:
    """Looks, once a second, at what lies in folders; says if it is too much."""
    looked = 0.0

    def exceeded() -> str:
        nonlocal looked
        if time.monotonic() < looked + 1:
            return ""
        looked = time.monotonic()
        used, folders = 0, places()
        while folders and used <= limits.disk:
            with suppress(OSError):
                for entry in os.scandir(folders.pop()):
                    used += entry.stat(follow_symlinks=False).st_blocks * 512 + _INODE
                    folders += [entry.path] if entry.is_dir(follow_symlinks=False) else []
        return f"it wrote more than {limits.disk >> 20} MiB" if used > limits.disk else ""

    return exceeded


def too_much_memory(limits: Limits) -> str:
    """What to say about it."""
    return f"it used more than {limits.memory / 2**30:.2g} GiB of memory"


def _resident(pid: int) -> int:
    with suppress(OSError, ValueError):
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
    return 0


def _share(pid: int) -> int:
    """Like `_resident`, but of a page that n processes share it counts one n-th."""
    with suppress(OSError, ValueError):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        return 0
    return _resident(pid)


def _files(pid: int) -> dict[int, int]:
    """Bytes of the private /tmp and of unnamed files that a process holds, by device or inode."""
    found = {}
    with suppress(OSError):
        for name in ("tmp", "dev/shm"):
            place = _PROC / str(pid) / "root" / name
            if place.stat().st_dev != os.stat(f"/{name}").st_dev:
                system = os.statvfs(place)
                blocks = (system.f_blocks - system.f_bfree) * system.f_frsize
                found[place.stat().st_dev] = blocks + (system.f_files - system.f_ffree) * _INODE
        for link in (_PROC / str(pid) / "fd").iterdir():
            if os.readlink(link).startswith("/memfd:"):
                state = link.stat()
                found[-state.st_ino] = state.st_blocks * 512
    return found
