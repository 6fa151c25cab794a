"""Hostile notebooks gain nothing, leave nothing, and are told of."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from grading_runs import RIGHT, Run, calls, notebook, run, stub, working_sandbox
from hostile import SETUP
from hostile.bombs import BOMBS
from hostile.cheats import CHEATS
from hostile.readers import READERS
from hostile.stayers import STAYERS

ROOT = Path(__file__).resolve().parents[1]
ATTACKS = [*CHEATS, *READERS, *BOMBS, *STAYERS]
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/", "/run", "/dev")


@pytest.fixture(scope="module")
def sandbox():
    return working_sandbox()


@pytest.fixture
def folder(tmp_path):
    """A folder of the grader's with secrets, in which everybody may write."""
    folder = tmp_path / "host"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.fixture
def listeners(folder):
    """Sockets that hear whoever gets out."""
    addresses = (("127.0.0.1", 0), str(folder / "socket"), f"\0{folder}")
    kinds = (socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX)
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.socket(kind)) for kind in kinds]
        for listener, address in zip(opened, addresses, strict=True):
            listener.bind(address)
            listener.listen()
            listener.setblocking(False)
        yield opened


@pytest.fixture
def host(folder, listeners, monkeypatch):
    """The grader's machine, as an insider knows it, and a secret that it keeps."""
    secret = secrets.token_hex(16)
    for name in ("solution.py", "package.json", "submission.ipynb"):
        (folder / name).write_text(f"secret = {secret!r}")
    monkeypatch.setenv("GRADER_PASSWORD", secret)
    known = {
        "folder": str(folder),
        "repository": str(ROOT),
        "port": listeners[0].getsockname()[1],
        "pid": os.getpid(),
        "token": f"trace_{secrets.token_hex(8)}",
    }
    return known, secret


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_hostile_notebook(sandbox, host, listeners, folder, tmp_path, attack) -> None:
    known, secret = host
    cells = [RIGHT["scale"], stub("shift"), SETUP.format(host=known), attack.code, RIGHT["power"]]
    before = sorted(folder.iterdir())
    done = run(tmp_path, notebook(*cells), calls(), sandbox, context=attack.context)
    assert attack.text in done.notes(attack.kind), done.transcript
    gains_nothing(done, attack.keeps)
    assert secret not in repr(done.transcript)
    for listener in listeners:
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert (done.processes, done.files, done.groups) == ([], [], [])
    assert [name for place in SHARED for name in os.listdir(place) if known["token"] in name] == []
    assert sorted(folder.iterdir()) == before


def gains_nothing(done: Run, keeps: bool) -> None:
    assert len(done.transcript.answers) == 6
    assert done.right["shift"] == 0
    if keeps:
        assert done.right == {"scale": 2, "shift": 0, "power": 2}, done.transcript
