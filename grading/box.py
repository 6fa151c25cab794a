"""A worker behind a wall, and what every kind of wall has in common."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import course_utils
from grading import watch
from grading.package import Limits

GRADER = Path(__file__).parent
INSIDE = ("__init__.py", "inside", "plain.py", "worker.py")
"""What of this package the student's process runs; it can read no more of it."""
COURSE = Path(course_utils.__file__).parent
"""The package alone: around an editable one lies the repository, with all solutions."""
WORKER = "from grading.worker import main; main()"
ENVIRONMENT = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    # Without it, who asks for the user's name looks into a file that is not there.
    "USER": "student",
}


class SandboxError(RuntimeError):
    """The sandbox does not work; no notebook is to blame."""


@dataclass(frozen=True)
class Box:
    """A process behind a wall: requests go to its input, messages come from its output.

    What a notebook prints comes from the error stream.
    """

    process: subprocess.Popen[bytes]
    exceeded: Callable[[], str]
    """What it has used too much of; "" if nothing."""

    def ended(self, seconds: float = 1.0) -> str:
        """How the process ended, "" if it has not within the time."""
        end = time.monotonic() + seconds
        while (code := self._code()) is None:
            if time.monotonic() > end:
                return ""
            time.sleep(0.005)
        with suppress(ValueError):
            return f"killed by {signal.Signals(code - 128).name}"
        return f"exit code {code}"

    def _code(self) -> int | None:
        """The exit code, as of a shell; it stays a zombie, so that nobody else gets its number."""
        if not hasattr(os, "waitid"):  # on macOS, where Docker is the wall
            code = self.process.poll()
            return 128 - code if code is not None and code < 0 else code
        flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
        state = os.waitid(os.P_PID, self.process.pid, flags)
        if state is None:
            return None
        return state.si_status if state.si_code == os.CLD_EXITED else 128 + state.si_status


class Sandbox(ABC):
    """A kind of wall. Many boxes may be open at a time, in threads and in processes."""

    name: str

    @abstractmethod
    def open(self, limits: Limits, code: str = WORKER) -> AbstractContextManager[Box]:
        """Start Python with `code`; when the context ends, nothing is left of it.

        Raises `SandboxError` if it cannot be started.
        """

    def trouble(self) -> str:
        """Why it does not work here, found out by trying; "" if it works."""
        try:
            with self.open(Limits(), "pass") as box:
                _, errors = box.process.communicate(timeout=60)
                failed = box.process.returncode != 0
                return (errors.decode("utf8", "replace").strip() or "no reason") if failed else ""
        except (OSError, SandboxError, subprocess.TimeoutExpired) as error:
            return str(error)


def python(code: str, places: Sequence[str]) -> list[str]:
    """A command that runs code with these folders to import from, and nothing else."""
    # Not the link in a virtual environment: that, and the files .pth in it, lead to the repository.
    program = os.path.realpath(sys.executable)
    return [program, "-I", "-S", "-c", f"import sys; sys.path[:0] = {list(places)!r}; {code}"]


def packages() -> list[str]:
    """Folders of installed packages, and nothing else that is imported from, as the repository."""
    return [place for place in sys.path if place.endswith("-packages") and os.path.isdir(place)]


@contextmanager
def started(
    command: Sequence[str], folder: str = "/", environment: Mapping[str, str] = ENVIRONMENT
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the context ends, in a session of its own; then kill all of it.

    Raises `SandboxError` if there is no such command.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            # What a process is given at its start can be read by whatever it starts.
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxError(f"{command[0]} cannot be started: {error}") from None
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    family = watch.family(process.pid)
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
    for number in family:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)
    with process:
        pass
    watch.wait_until_gone(family)
