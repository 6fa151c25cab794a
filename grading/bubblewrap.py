"""The wall for a machine of one's own: Linux namespaces, by `bwrap`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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


@dataclass(frozen=True)
class Bubblewrap(Sandbox):
    """No network, no other processes, no files but Python's; nothing to write but a small /tmp.

    Root becomes another user first, a different one for each box, as the owner of a namespace has
    in it what he has outside, and limits on processes count per user.
    """

    groups: bool = True
    """Whether to let control groups limit memory and processes, where they can be made."""
    name = "bubblewrap"

    @contextmanager
    def open(self, limits: Limits, code: str = WORKER) -> Iterator[Box]:
        """See `Sandbox.open`."""
        root = os.geteuid() == 0
        with group(limits) if root and self.groups else nullcontext() as limited:
            command = [*limited.prefix] if limited else []
            command += [*_reachable(), *drop()] if root else []
            command += [*wall(limits), *python(code, _places())]
            with started(command) as process:
                family = partial(watch.family, process.pid)
                yield Box(process, limited.exceeded if limited else watch.memory(limits, family))


def wall(limits: Limits) -> list[str]:
    """`bwrap` and its options."""
    command = [*_ISOLATED.split(), "--chdir", "/tmp"]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    for source, target in _mounts().items():
        command += ["--ro-bind", source, target]
    for place in _SYSTEM[1:]:
        if os.path.islink(place):
            command += ["--symlink", os.readlink(place), place]
    for place in _FILES:
        command += ["--ro-bind-try", place, place]
    # What bwrap makes for itself could be written to, without a limit.
    command += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    command += ["--size", str(limits.disk), "--tmpfs", "/tmp", "--remount-ro", "/"]
    return [*command, "--"]


def _mounts() -> dict[str, str]:
    """Folders and files to read: where they are outside, and inside."""
    places = [place for place in _SYSTEM if os.path.isdir(place) and not os.path.islink(place)]
    if not Path(sys.base_prefix).is_relative_to("/usr"):
        places.append(sys.base_prefix)
    mounts = {place: place for place in places}
    mounts |= {str(GRADER / name): f"/grader/grading/{name}" for name in INSIDE}
    mounts[str(COURSE)] = "/grader/course_utils"
    return mounts | dict(zip(packages(), _places()[1:], strict=True))


def _places() -> list[str]:
    return ["/grader", *(f"/packages/{number}" for number, _ in enumerate(packages()))]


def _reachable() -> list[str]:
    """A command that shows another user what lies below folders that he may not enter.

    Root's Python is often below /root. The folder is covered by an empty one, in which only the
    way to what is mounted anyway is made again; this is seen by the command that follows, alone.
    """
    command = ["bwrap", "--die-with-parent", "--dev-bind", "/", "/"]
    covered: set[Path] = set()
    for source in _mounts():
        parents = list(reversed(Path(source).parents))
        closed = [number for number, p in enumerate(parents) if not p.stat().st_mode & 0o001]
        if not closed:
            continue
        for number, parent in enumerate(parents[closed[0] :]):
            if parent not in covered:
                command += ["--perms", "0755", "--dir" if number else "--tmpfs", str(parent)]
                covered.add(parent)
        command += ["--ro-bind", source, source]
    return [*command, "--"] if covered else []
