"""Hostile notebooks gain nothing, leave nothing, and are told of."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

import pytest
from grading_runs import RIGHT, Run, calls, notebook, run, stub, working_sandbox
from hostile_bombs import BOMBS, STAYERS
from hostile_notebooks import CHEATS, READERS, SETUP

ROOT = Path(__file__).resolve().parents[1]
ATTACKS = [*CHEATS, *READERS, *BOMBS, *STAYERS]
SHARED = ("/tmp", "/var/tmp", "/dev/shm", "/", "/run", "/dev")


@pytest.fixture(scope="module")
def sandbox():
    return working_sandbox()


@pytest.fixture
def host(tmp_path, monkeypatch):
    """What is to be had on the grader's side: secrets in files, the environment, on sockets."""
    secret = secrets.token_hex(16)
    folder = tmp_path / "host"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    for name in ("solution.py", "package.json", "submission.ipynb"):
        (folder / name).write_text(f"secret = {secret!r}")
    monkeypatch.setenv("GRADER_PASSWORD", secret)
    token = f"trace_{secrets.token_hex(8)}"
    listeners = [socket.socket(socket.AF_INET), socket.socket(socket.AF_UNIX)]
    listeners.append(socket.socket(socket.AF_UNIX))
    addresses = (("127.0.0.1", 0), str(folder / "socket"), "\0" + token)
    for listener, address in zip(listeners, addresses, strict=True):
        listener.bind(address)
        listener.listen()
        listener.setblocking(False)
    yield {
        "secret": secret,
        "listeners": listeners,
        "folder": str(folder),
        "package": str(folder / "package.json"),
        "repository": str(ROOT),
        "port": listeners[0].getsockname()[1],
        "pid": os.getpid(),
        "token": token,
    }
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_hostile_notebook(sandbox, host, tmp_path, attack) -> None:
    told = {key: value for key, value in host.items() if key not in ("secret", "listeners")}
    cells = [RIGHT["scale"], stub("shift"), SETUP.format(host=told), attack.code, RIGHT["power"]]
    before = sorted(Path(host["folder"]).iterdir())
    done = run(tmp_path, notebook(*cells), calls(), sandbox)
    assert attack.text in done.notes(attack.kind), done.transcript
    gains_nothing(done, attack.keeps)
    leaves_nothing(done, host)
    assert sorted(Path(host["folder"]).iterdir()) == before


def gains_nothing(done: Run, keeps: bool) -> None:
    assert done.right["shift"] == 0
    if keeps:
        assert done.right == {"scale": 2, "shift": 0, "power": 2}, done.transcript
    assert len(done.transcript.answers) == 6


def leaves_nothing(done: Run, host: dict) -> None:
    assert host["secret"] not in repr(done.transcript)
    for listener in host["listeners"]:
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert (done.processes, done.files, done.groups) == ([], [], [])
    traces = [name for place in SHARED for name in os.listdir(place) if host["token"] in name]
    assert traces == []
