"""Which wall stands between a notebook and this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory

from grading import watch
from grading.box import (
    ENVIRONMENT,
    GRADER,
    WORKER,
    Box,
    Sandbox,
    SandboxError,
    packages,
    python,
    started,
)
from grading.bubblewrap import Bubblewrap
from grading.containers import Docker, OtherUser
from grading.package import Limits

__all__ = ["Sandbox", "SandboxError", "choose"]


class Trust(Sandbox):
    """No wall: limits and a time, for notebooks of people whom you would give your password."""

    name = "none"

    @contextmanager
    def open(self, limits: Limits, code: str = WORKER) -> Iterator[Box]:
        """See `Sandbox.open`."""
        with TemporaryDirectory(prefix="grading-") as folder:
            command = python(code, [str(GRADER.parent), *packages()])
            environment = ENVIRONMENT | {"HOME": folder, "TMPDIR": folder}
            with started(command, folder, environment) as process:
                yield Box(process, watch.memory(limits, partial(watch.family, process.pid)))


KINDS: dict[str, tuple[Sandbox, ...]] = {
    # Control groups may be there and still not be for us to use.
    "bubblewrap": (Bubblewrap(), Bubblewrap(groups=False)),
    "docker": (Docker(),),
    "container": (OtherUser(),),
    "none": (Trust(),),
}


def choose(name: str | None = None) -> Sandbox:
    """The sandbox of this name; without one bubblewrap, or else Docker.

    Raises `SandboxError`, which says what to install, if it does not work here, and ValueError if
    there is none of this name.
    """
    if name is not None and name not in KINDS:
        raise ValueError(f"sandbox must be one of {', '.join(KINDS)}, got {name!r}")
    failed = []
    for kind in (name,) if name else ("bubblewrap", "docker"):
        for sandbox in KINDS[kind]:
            trouble = sandbox.trouble()
            if not trouble:
                return sandbox
            failed.append(f"{kind}: {trouble}")
    raise SandboxError(
        "no sandbox works here, and notebooks are run in nothing less\n  "
        + "\n  ".join(failed)
        + "\nInstall bubblewrap 0.8 or newer (apt-get install bubblewrap). If you trust each of "
        "these notebooks as your own code: --no-sandbox-i-trust-every-notebook"
    )
