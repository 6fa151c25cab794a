"""Where a student's process runs, and how it is started there."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import course_utils
import torch

from grading.package import Limits

HERE = Path(__file__).parent
INSIDE = ("__init__.py", "plain.py", "worker.py")
"""Files of the grader that the student's process runs, and all that it can read of it."""
BOOT = "import sys; sys.path[1:1] = sys.argv[1:]; from grading.worker import main; main()"
COURSE = Path(course_utils.__file__).parent


class Sandbox(Protocol):
    """Turns the command that starts a worker into one that starts it behind a wall."""

    name: str

    def command(self, limits: Limits) -> list[str]:
        """Arguments of the process: calls on its standard input, answers on standard output."""


def python() -> str:
    """The interpreter itself: the one of a virtual environment is a link to it."""
    return os.path.realpath(sys.executable)


def packages() -> list[Path]:
    """Folders with installed packages, PyTorch's first."""
    found = [Path(torch.__file__).parents[1], Path(sysconfig.get_path("purelib"))]
    return list(dict.fromkeys(found))


class Bubblewrap:
    """Namespaces without network, files or other processes, by `bwrap`."""

    name = "bubblewrap"

    def command(self, limits: Limits) -> list[str]:
        """See `Sandbox`."""
        return [*self.wall(limits), python(), "-I", "-S", "-c", BOOT, "/grader", *self._inside()]

    def wall(self, limits: Limits) -> list[str]:
        """`bwrap` and its options."""
        base = Path(sys.base_prefix)
        mounts: list[tuple[Path, str]] = [(Path("/usr"), "/usr")]
        mounts += [] if base.is_relative_to("/usr") else [(base, str(base))]
        mounts += [(p, f"/packages/{i}") for i, p in enumerate(packages())]
        mounts += [(HERE / name, f"/grader/grading/{name}") for name in INSIDE]
        mounts += [(COURSE, "/grader/course_utils")]
        environment = {"HOME": "/tmp", "PATH": "/usr/bin", "LANG": "C.UTF-8", "MPLBACKEND": "Agg"}
        environment |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = "bwrap --unshare-all --unshare-user --disable-userns --die-with-parent".split()
        command += "--new-session --cap-drop ALL --clearenv --chdir /tmp".split()
        for key, value in environment.items():
            command += ["--setenv", key, value]
        for source, target in mounts:
            command += ["--ro-bind", str(source), target]
        command += _links()
        command += "--proc /proc --dev /dev --remount-ro /dev".split()
        command += ["--size", str(limits.disk), "--tmpfs", "/tmp", "--remount-ro", "/", "--"]
        return command

    def _inside(self) -> list[str]:
        return [f"/packages/{i}" for i in range(len(packages()))]


class Nothing:
    """No wall at all: for notebooks of people whom you would give your password."""

    name = "none"

    def command(self, limits: Limits) -> list[str]:
        """See `Sandbox`."""
        places = [HERE.parent, COURSE.parent, *packages()]
        return [python(), "-I", "-S", "-c", BOOT, *map(str, places)]


def choose(name: str | None = None) -> Sandbox:
    """The sandbox of this name, or the best that works here; RuntimeError says what to install."""
    if name == "none":
        return Nothing()
    sandbox = Bubblewrap()
    trial = [*sandbox.wall(Limits()), "/usr/bin/true"]
    why = _failure(trial)
    if why:
        raise RuntimeError(
            f"bubblewrap does not work here ({why}); install it (apt-get install bubblewrap), or, "
            "if you trust every notebook, use --no-sandbox-i-trust-every-notebook"
        )
    return sandbox


def _failure(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except OSError as error:
        return str(error)
    return done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""


def _links() -> list[str]:
    """What the host has as /lib, /lib64, /bin: links into /usr, or folders."""
    command = []
    for name in ("/lib", "/lib64", "/lib32", "/bin", "/sbin"):
        if os.path.islink(name):
            command += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            command += ["--ro-bind", name, name]
    return [*command, "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
