"""The wall for a machine of one's own: Linux namespaces, by `bwrap`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote

from grading import watch
from grading.box import (
    COURSE,
    ENVIRONMENT,
    GRADER,
    INSIDE,
    WORKER,
    Box,
    Sandbox,
    packages,
    python,
    started,
)
from grading.cgroup import group
from grading.package import Limits
from grading.users import drop

_ISOLATED = (
    "bwrap --unshare-all --unshare-user --disable-userns --die-with-parent --new-session "
    "--cap-drop ALL --clearenv --hostname sandbox"
)
_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin")
_FILES = ("/etc/ld.so.cache", "/etc/alternatives")
"""Where the loader finds libraries."""
_STAGES = ("/mnt", "/media", "/srv", "/opt")
"""Folders that are there, and that nobody needs here."""


@dataclass(frozen=True)
class Bubblewrap(Sandbox):
    """No network, no other processes, no files but Python's; nothing to write but a small /tmp.

    Root becomes another user first, a different one for each box, as the owner of a namespace has
    in it what he has outside, and limits on processes count per user.
    """

    groups: bool = True
    """Whether root lets the kernel limit memory; else the grader looks at it ten times a second."""
    name = "bubblewrap"

    @contextmanager
    def open(self, limits: Limits, code: str = WORKER) -> Iterator[Box]:
        """See `Sandbox.open`."""
        mounts, root = _mounts(), os.geteuid() == 0
        with group(limits) if root and self.groups else nullcontext() as limited:
            command = [*limited.prefix] if limited else []
            if root:
                staging, mounts = _staged(mounts)
                command += [*staging, *drop()]
            command += [*_wall(limits, mounts), *python(code, _places())]
            path = {"PATH": os.environ.get("PATH", os.defpath)}
            with started(command, environment=path) as process:
                family = partial(watch.family, process.pid)
                yield Box(process, limited.exceeded if limited else watch.memory(limits, family))


def _mounts() -> dict[str, str]:
    """What is to be read: its place inside, and its place outside."""
    places = [place for place in _SYSTEM if os.path.isdir(place) and not os.path.islink(place)]
    if not Path(sys.base_prefix).is_relative_to("/usr"):
        places.append(sys.base_prefix)
    mounts = {place: place for place in places}
    mounts |= {f"/grader/grading/{name}": str(GRADER / name) for name in INSIDE}
    mounts["/grader/course_utils"] = str(COURSE)
    return mounts | dict(zip(_places()[1:], packages(), strict=True))


def _places() -> list[str]:
    """Where Python finds modules inside."""
    return ["/grader", *(f"/packages/{number}" for number, _ in enumerate(packages()))]


def _wall(limits: Limits, mounts: dict[str, str]) -> list[str]:
    """`bwrap` and its options."""
    command = [*_ISOLATED.split(), "--chdir", "/tmp"]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    for target, source in mounts.items():
        command += ["--ro-bind", source, target]
    for place in _SYSTEM[1:]:
        if os.path.islink(place):
            command += ["--symlink", os.readlink(place), place]
    for place in _FILES:
        command += ["--ro-bind-try", place, place]
    if any(GRADER.is_relative_to(target) for target in mounts):
        command += ["--tmpfs", str(GRADER.parent), "--remount-ro", str(GRADER.parent)]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for place in ("/tmp", "/dev/shm"):
        command += ["--size", str(limits.disk), "--tmpfs", place]
    # What bwrap makes for itself could be written to, without a limit.
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--"]


def _staged(mounts: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """The same mounts for a user who may not enter some folders, and a command before his.

    Root's Python is often below /root. The command shows it elsewhere, to the command that it runs
    and to nobody else. Not by another bwrap: it would drop the right to kill processes of another
    user, and without that the sandbox would outlive a grader that is killed.
    """
    closed = {target: source for target, source in mounts.items() if _is_closed(source)}
    if not closed:
        return [], mounts
    used = [Path(source) for source in mounts.values()]
    free = (s for s in _STAGES if os.path.isdir(s) and not any(u.is_relative_to(s) for u in used))
    stage = next(free, _STAGES[0])
    steps, places = [f"mount -t tmpfs -o mode=0755 tmpfs {stage}"], {}
    for number, (target, source) in enumerate(closed.items()):
        places[target] = f"{stage}/{number}"
        make = "mkdir" if os.path.isdir(source) else "touch"
        steps += [f"{make} {places[target]}", f"mount --bind {quote(source)} {places[target]}"]
    script = " && ".join([*steps, 'exec "$@"'])
    return ["unshare", "--mount", "sh", "-c", script, "sh"], mounts | places


def _is_closed(place: str) -> bool:
    """Whether other users may not come as far as a file or folder."""
    return not all(parent.stat().st_mode & 0o001 for parent in Path(place).parents)
