"""Walls of containers: one that Docker starts for each notebook, or the one we are in already."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from grading import users, watch
from grading.box import (
    COURSE,
    ENVIRONMENT,
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

_SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")
"""Folders in which everybody may write."""
_USERS = range(20_000, 60_000)
"""Also a daemon without root's rights has so many users to give."""


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
            command = self.command(container, limits, code)
            # The client may need all of it, and the container gets nothing of it.
            with started(command, environment=os.environ) as process:
                yield Box(process, lambda: "")
        finally:
            # Killing the client leaves the container running.
            with suppress(OSError, subprocess.TimeoutExpired):
                remove = ["docker", "rm", "--force", container]
                subprocess.run(remove, capture_output=True, timeout=60)

    def command(self, container: str, limits: Limits, code: str = WORKER) -> list[str]:
        """`docker run` and its options."""
        mounts = {GRADER / name: f"/grader/grading/{name}" for name in INSIDE}
        mounts[COURSE] = "/grader/course_utils"
        return [
            *("docker", "run", "--rm", "--pull=never", "--interactive", "--init", "--read-only"),
            *(f"--{name}={value}" for name, value in self._options(container, limits).items()),
            *(f"--env={name}={value}" for name, value in ENVIRONMENT.items() if name != "PATH"),
            *(f"--mount=type=bind,source={s},target={t},readonly" for s, t in mounts.items()),
            self.image,
            *("python3", "-I", "-c", f"import sys; sys.path.insert(0, '/grader'); {code}"),
        ]

    def _options(self, container: str, limits: Limits) -> dict[str, object]:
        # The kernel counts processes of a user across all containers.
        user = secrets.choice(_USERS)
        return {
            "name": container,
            "network": "none",
            "user": f"{user}:{user}",
            "cap-drop": "ALL",
            "security-opt": "no-new-privileges",
            "memory": limits.memory,
            "memory-swap": limits.memory,
            "pids-limit": limits.processes + 16,
            "cpus": 1,
            "shm-size": limits.disk,
            "tmpfs": f"/tmp:size={limits.disk},nr_inodes=10000,mode=1777",
            "workdir": "/tmp",
            # What it prints would be kept on the host's disk.
            "log-driver": "none",
            **({"runtime": self.runtime} if self.runtime else {}),
        }


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
            environment = ENVIRONMENT | {"HOME": str(home), "TMPDIR": str(home)}
            with started(command, str(home), environment) as process:
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
    disk = watch.disk(limits, lambda: [str(home), *_left(user)])
    return lambda: memory() or disk()


def _clean(user: int, folder: Path) -> None:
    """End all processes of the user and remove all that the user has left."""
    # At one go, so that none can start another meanwhile.
    subprocess.run([*users.drop(user), "/bin/sh", "-c", "kill -KILL -1"], capture_output=True)
    watch.wait_until_gone(watch.of_user(user))
    # Not by Python: folders may lie in each other too deep for it.
    subprocess.run(["rm", "-rf", "--", str(folder), *_left(user)], capture_output=True)


def _left(user: int) -> list[str]:
    """What is the user's in folders where everybody may write."""
    found = []
    for place in _SHARED:
        with suppress(OSError):
            for entry in os.scandir(place):
                if entry.stat(follow_symlinks=False).st_uid == user:
                    found.append(entry.path)
    return found
