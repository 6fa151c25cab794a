"""Users that no person has, one for each box."""

from __future__ import annotations

import secrets
from pathlib import Path

from grading.box import SandboxError

_FREE = range(0x7000_0000, 0x7800_0000)
"""Numbers that systemd, containers and directories of people leave free."""
_MAP = Path("/proc/self/uid_map")


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
    first, _, number = _MAP.read_text().splitlines()[-1].split()
    end = int(first) + int(number)
    if end < 10_000:
        raise SandboxError("root has no other users here: start this as an ordinary user")
    # The last ones have meanings: 65534 is "nobody".
    return _FREE if end > _FREE.stop else range(end // 2, end - 1000)
