"""Walls of containers: one that Docker starts for each notebook, or the one we are in already."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from grading import users, watch
from grading.box import (
    COURSE,
    GRADER,
    INSIDE,
    WORKER,
    Box,
    Sandbox,
    SandboxError,
    packages,
    python,
    started,
)
from grading.package import Limits

_SHARED = ("/tmp", "/var/tmp", "/dev/shm")
"""Folders in which everybody may write."""


@dataclass(frozen=True)
class Docker(Sandbox):
    """A container for each notebook, from an image with Python and PyTorch."""

    image: str = "course-grader"
    runtime: str = ""
    """For example "runsc", gVisor's, which does not show the host's kernel to the notebook."""
    name = "docker"

    @contextmanager
    def open(self, limits: Limits, code: str = WORKER) -> Iterator[Box]:
        """See `Sandbox.open`."""
        container = f"grading-{secrets.token_hex(8)}"
        try:
            with started(self.command(container, limits, code)) as process:
                yield Box(process, lambda: "")
        finally:
            # Killing the client leaves the container running.
            subprocess.run(["docker", "rm", "--force", container], capture_output=True)

    def command(self, container: str, limits: Limits, code: str = WORKER) -> list[str]:
        """`docker run` and its options."""
        mounts = {GRADER / name: f"/grader/grading/{name}" for name in INSIDE}
        mounts[COURSE] = "/grader/course_utils"
        options = {
            "name": container,
            "network": "none",
            "user": "65534:65534",
            "cap-drop": "ALL",
            "security-opt": "no-new-privileges",
            "memory": str(limits.memory),
            "memory-swap": str(limits.memory),
            "pids-limit": str(limits.processes),
            "cpus": "1",
            "ipc": "none",
            "tmpfs": f"/tmp:size={limits.disk},nr_inodes=10000,mode=1777",
            "workdir": "/tmp",
            # What it prints would be kept on the host's disk.
            "log-driver": "none",
            **({"runtime": self.runtime} if self.runtime else {}),
        }
        return [
            *("docker", "run", "--rm", "--interactive", "--init", "--read-only"),
            *(f"--{name}={value}" for name, value in options.items()),
            *(f"--mount=type=bind,source={s},target={t},readonly" for s, t in mounts.items()),
            self.image,
            *("python3", "-I", "-c", f"import sys; sys.path.insert(0, '/grader'); {code}"),
        ]


@dataclass(frozen=True)
class OtherUser(Sandbox):
    """Another user in a throw-away container of which we are root, as on Gradescope or in a pod.

    It keeps a notebook from what other users may not read, from our processes, and from using too
    much. Network and files that all may read are the container's business.
    """

    name = "container"

    @contextmanager
    def open(self, limits: Limits, code: str = WORKER) -> Iterator[Box]:
        """See `Sandbox.open`."""
        if os.geteuid() != 0:
            raise SandboxError("only root of a container can become another user in it")
        _check_hidden(GRADER.parent)
        user = users.new()
        folder = Path(tempfile.mkdtemp(prefix="grading-"))
        try:
            home = _prepare(folder, user)
            command = [*users.drop(user), *python(code, [str(folder), *packages()])]
            with started(command, str(home)) as process:
                yield Box(process, _exceeded(limits, user, home))
        finally:
            _clean(user, folder)


def _check_hidden(folder: Path) -> None:
    """SandboxError if other users may enter a folder."""
    if all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents)):
        raise SandboxError(
            f"every user may enter {folder}, where solutions may lie; first run: chmod 700 {folder}"
        )


def _prepare(folder: Path, user: int) -> Path:
    """Copy what the worker needs; return the only folder that the user may write to."""
    folder.chmod(0o755)
    copies = {GRADER / name: folder / "grading" / name for name in INSIDE}
    copies[COURSE] = folder / "course_utils"
    for source, target in copies.items():
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    home = folder / "home"
    home.mkdir(0o700)
    os.chown(home, user, user)
    return home


def _exceeded(limits: Limits, user: int, home: Path) -> Callable[[], str]:
    memory = watch.memory(limits, partial(watch.of_user, user))
    disk = watch.disk(limits, home)
    return lambda: memory() or disk()


def _clean(user: int, folder: Path) -> None:
    """End all processes of the user and remove all that the user has left."""
    # At one go, so that none can start another meanwhile.
    subprocess.run([*users.drop(user), "/bin/sh", "-c", "kill -KILL -1"], capture_output=True)
    watch.wait_until_gone(watch.of_user(user))
    # Folders may lie in each other too deep for Python.
    subprocess.run(["rm", "-rf", str(folder)], capture_output=True)
    shared = [place for place in _SHARED if os.path.isdir(place)]
    subprocess.run(["find", *shared, "-xdev", "-uid", str(user), "-delete"], capture_output=True)
