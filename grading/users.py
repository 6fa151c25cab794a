"""Users that no person has, one for each box."""

from __future__ import annotations

import secrets
from pathlib import Path

_FREE = range(0x7000_0000, 0x7800_0000)
"""Numbers that systemd, containers and directories of people leave free."""


def new() -> int:
    """A user who owns nothing and runs nothing; drawn, as other processes draw one too."""
    return secrets.choice(_available())


def drop(user: int | None = None) -> list[str]:
    """A command that runs the rest as a user, for good; as a new one if none is given."""
    number = new() if user is None else user
    return [
        "setpriv",
        f"--reuid={number}",
        f"--regid={number}",
        "--clear-groups",
        "--no-new-privs",
        "--inh-caps=-all",
        "--bounding-set=-all",
        "--pdeathsig=KILL",
    ]


def _available() -> range:
    """In a container with a user namespace there are fewer users, often 65536."""
    first, _, number = Path("/proc/self/uid_map").read_text().splitlines()[-1].split()
    last = int(first) + int(number)
    return _FREE if last > _FREE.stop else range(last // 2, max(last - 1000, last // 2 + 1))
