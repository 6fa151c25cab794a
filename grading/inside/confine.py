"""Limits that a process sets on itself before it runs a student's code, and cannot lift again."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
from pathlib import Path
from typing import Any

_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1


def confine(limits: dict[str, Any]) -> None:
    """Cap memory, processes, files and CPU time; `limits` holds the fields of `package.Limits`."""
    size, resident = (int(pages) * resource.getpagesize() for pages in _pages()[:2])
    cpu = int(limits["seconds"]) + 1
    for kind, most in (
        # What is mapped already is mostly PyTorch's libraries, of which few pages are in memory.
        (resource.RLIMIT_AS, size - resident + limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["disk"]),
        (resource.RLIMIT_NPROC, limits["processes"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CPU, cpu),
        # Not 0: the kernel starts the host's handler of core dumps for any number but 1.
        (resource.RLIMIT_CORE, 1),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
    _forget_keys()
    # Should the host run out of memory, this process goes before the grader does.
    Path("/proc/self/oom_score_adj").write_text("1000")


def _pages() -> list[str]:
    return Path("/proc/self/statm").read_text().split()


def _forget_keys() -> None:
    """Leave the kernel's keyring of whoever started us: another user id does not do that."""
    number = _KEYCTL.get(platform.machine())
    if number is not None and os.name == "posix":
        ctypes.CDLL(None).syscall(number, _JOIN_SESSION_KEYRING, None)
