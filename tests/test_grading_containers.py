"""Walls of containers, and how a wall is chosen."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from grading_runs import (
    RIGHT,
    ROOT,
    calls,
    notebook,
    package,
    peek,
    readable_python,
    run,
    working_sandbox,
)

from grading import bubblewrap, containers, users, watch
from grading.bubblewrap import Bubblewrap
from grading.containers import Docker, OtherUser
from grading.sandbox import SandboxError, Trust, choose

LIMITS = package().limits


def test_docker_gets_a_container_that_can_do_nothing() -> None:
    command = Docker(runtime="runsc").command("name", LIMITS)
    for option in (
        *("--rm", "--pull=never", "--interactive", "--read-only", "--network=none"),
        *("--cap-drop=ALL", "--security-opt=no-new-privileges", "--log-driver=none"),
        *("--memory=629145600", "--memory-swap=629145600", "--cpus=1", "--pids-limit=40"),
        *("--tmpfs=/tmp:size=8388608,nr_inodes=10000,mode=1777", "--runtime=runsc"),
        f"--mount=type=bind,source={ROOT}/grading/inside,target=/grader/grading/inside,readonly",
    ):
        assert option in command
    user = next(part for part in command if part.startswith("--user="))
    assert int(user.split(":")[1]) >= 20_000
    assert not [part for part in command if str(ROOT) in part and "readonly" not in part]
    assert "--runtime" not in " ".join(Docker().command("name", LIMITS))


FAKE = """#!{python}
import os, sys
with open({log!r}, "a") as log:
    log.write(" ".join(sys.argv[1:])[:40] + "\\n")
if sys.argv[1] == "run":
    code = sys.argv[-1].replace("/grader", {root!r})
    os.execv(sys.executable, [sys.executable, "-I", "-c", code])
"""


def test_docker_is_started_and_its_container_removed(tmp_path, monkeypatch) -> None:
    fake, log = tmp_path / "docker", tmp_path / "log"
    fake.write_text(FAKE.format(python=sys.executable, log=str(log), root=str(ROOT)))
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert peek(Docker(), "out = sys.path[0]") == str(ROOT)
    started, ended = log.read_text().splitlines()
    assert started.startswith("run --rm")
    assert ended.startswith("rm --force grading-")


@pytest.fixture
def other_user(tmp_path, monkeypatch):
    """The wall of a container of which we are root, with the grader where root alone may enter."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    monkeypatch.setattr(sys, "executable", readable_python())
    hidden = tmp_path / "source"
    hidden.mkdir(mode=0o700)
    shutil.copytree(ROOT / "grading", hidden / "grading")
    monkeypatch.setattr(containers, "GRADER", hidden / "grading")
    (hidden / "package.json").write_text("solutions")
    # Other users may not enter what pytest makes.
    with TemporaryDirectory() as public:
        os.chmod(public, 0o755)
        monkeypatch.setattr(tempfile, "tempdir", public)
        yield OtherUser()
        assert os.listdir(public) == []


READ_AND_LEAVE = """
import subprocess
def read(path):
    try:
        return open(path).read()
    except OSError as error:
        return error.strerror
for place in ("/tmp", "/var/tmp", "/dev/shm", "."):
    os.makedirs(f"{place}/{NAME}/a/b")
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], **quiet)
        os._exit(0)
out = [os.getuid(), os.getcwd(), read(PACKAGE), read(f"/proc/{GRADER}/environ"), os.environ["HOME"]]
"""


def test_another_user_reads_nothing_of_the_grader_and_leaves_nothing(other_user, tmp_path) -> None:
    package = tmp_path / "source/package.json"
    # A name of this run: a run that was cut off must not fail the next one.
    name = f"left_by_other_user_{uuid.uuid4().hex}"
    names = f"PACKAGE, GRADER, NAME = {str(package)!r}, {os.getpid()}, {name!r}"
    user, folder, *read, home = peek(other_user, names + READ_AND_LEAVE)
    assert user > 1000
    assert read == ["Permission denied"] * 2
    assert folder == home
    assert watch.of_user(user) == []
    assert not os.path.exists(folder)
    for place in ("/tmp", "/var/tmp", "/dev/shm"):
        assert not os.path.exists(f"{place}/{name}")


def test_another_user_runs_notebooks_within_limits(other_user, tmp_path) -> None:
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    fill = "n = 0\nwhile True:\n    open(str(n), 'wb').write(b'x' * 99999)\n    n += 1"
    cells = [RIGHT["scale"], bomb, fill, RIGHT["power"]]
    done = run(tmp_path, notebook(*cells), calls(), other_user, temporary=tempfile.gettempdir())
    assert done.right == {"scale": 2, "shift": 0, "power": 2}
    assert "it wrote more than 8 MiB" in done.notes("limit")
    assert (done.processes, done.files) == ([], [])


def test_another_user_is_refused_where_he_could_read_solutions(monkeypatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    monkeypatch.setattr(containers, "GRADER", Path("/usr/lib/grading"))
    assert OtherUser().trouble().endswith("chmod 700 /usr/lib")


@pytest.mark.parametrize(
    ("maps", "least", "most"),
    [
        ("0 0 4294967295\n", 0x7000_0000, 0x7800_0000),
        ("0 1000 1\n1 100000 65535\n", 30_000, 65_000),
    ],
)
def test_users_are_taken_where_there_are_some(tmp_path, monkeypatch, maps, least, most) -> None:
    (tmp_path / "map").write_text(maps)
    monkeypatch.setattr(users, "_MAP", tmp_path / "map")
    drawn = {users.new() for _ in range(100)}
    assert least <= min(drawn) <= max(drawn) < most
    assert len(drawn) > 50


def test_root_without_other_users_is_told_so(tmp_path, monkeypatch) -> None:
    (tmp_path / "map").write_text("0 1000 1\n")
    monkeypatch.setattr(users, "_MAP", tmp_path / "map")
    with pytest.raises(SandboxError, match="no other users"):
        users.drop()


def test_choosing_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxError) as error:
        choose()
    for text in ("bubblewrap: ", "docker: ", "apt-get install bubblewrap"):
        assert text in str(error.value)
    assert "--no-sandbox-i-trust-every-notebook" in str(error.value)


def test_choosing_by_name() -> None:
    assert isinstance(choose("none"), Trust)
    with pytest.raises(
        ValueError, match="one of bubblewrap, docker, container, none, got 'chroot'"
    ):
        choose("chroot")


def test_a_sandbox_that_fails_says_why(monkeypatch) -> None:
    working_sandbox()
    monkeypatch.setattr(bubblewrap, "_ISOLATED", "bwrap --no-such-option")
    assert "no-such-option" in Bubblewrap().trouble()
