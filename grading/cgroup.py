"""Limits that the kernel keeps for a group of processes, where this process may ask for them."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from grading.package import Limits
from grading.watch import too_much_memory

_ROOT = Path("/sys/fs/cgroup")
_OURS = 16
"""Processes of the wall itself."""


@dataclass(frozen=True)
class Group:
    """Memory and number of processes are limited for what `prefix` runs."""

    prefix: tuple[str, ...]
    exceeded: Callable[[], str]


@contextmanager
def group(limits: Limits) -> Iterator[Group | None]:
    """A group that lasts as long as the context, None where there is none to be had."""
    name = f"grading-{os.getpid()}-{secrets.token_hex(4)}"
    folders = [place / name for place in _places()]
    for folder in folders:
        _remove_left(folder.parent)
    try:
        yield _made(folders, limits) if folders else None
    finally:
        for folder in folders:
            _remove(folder)


def _places() -> list[Path]:
    """Where a group can be made that stays within the limits of this process itself."""
    # Whatever a host lacks of this, the answer is that there are none.
    with suppress(OSError, LookupError, StopIteration):
        text = Path("/proc/self/cgroup").read_text()
        lines = [line.split(":", 2) for line in text.splitlines()]
        if (_ROOT / "cgroup.controllers").exists():
            # A sibling: in version 2, a group with processes in it cannot limit groups below it.
            own = _ROOT / next(path for number, _, path in lines if number == "0").strip("/")
            return [own if own == _ROOT else own.parent]
        paths = {kind: path for _, kinds, path in lines for kind in kinds.split(",")}
        kinds = ["memory", "pids", *(["cpu"] if "cpu" in paths else [])]
        return [_ROOT / kind / paths[kind].strip("/") for kind in kinds]
    return []


def _made(folders: list[Path], limits: Limits) -> Group | None:
    written: set[str] = set()
    try:
        for folder in folders:
            folder.mkdir()
            for name, value in _values(limits).items():
                if (folder / name).exists():
                    (folder / name).write_text(value)
                    written.add(name)
    except OSError:
        return None
    if not {"memory.limit_in_bytes", "memory.max"} & written or "pids.max" not in written:
        return None
    enter = "".join(f"echo 0 > {folder}/cgroup.procs && " for folder in folders)
    prefix = ("sh", "-c", f'{enter}exec "$@"', "sh")
    return Group(prefix, lambda: too_much_memory(limits) if _kills(folders) else "")


def _values(limits: Limits) -> dict[str, str]:
    """Files of a group and what to write there, for both versions."""
    return {
        "memory.limit_in_bytes": str(limits.memory),
        "memory.memsw.limit_in_bytes": str(limits.memory),
        "memory.max": str(limits.memory),
        "memory.swap.max": "0",
        "pids.max": str(limits.processes + _OURS),
        # One core: what runs beside it has time limits, too.
        "cpu.cfs_quota_us": "100000",
        "cpu.max": "100000 100000",
    }


def _kills(folders: list[Path]) -> int:
    """How many processes of a group the kernel has killed, as it had no memory left."""
    for folder in folders:
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                fields = dict(line.split() for line in (folder / name).read_text().splitlines())
                return int(fields["oom_kill"])
    return 0


def _remove(folder: Path) -> None:
    """Remove a group; the processes in it are dying, or are killed here."""
    for _ in range(500):
        with suppress(OSError):
            folder.rmdir()
        if not folder.exists():
            return
        with suppress(OSError):
            for pid in (folder / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.01)


def _remove_left(place: Path) -> None:
    """Remove empty groups of graders that were killed before they could."""
    for folder in place.glob("grading-*-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            with suppress(OSError):
                folder.rmdir()
