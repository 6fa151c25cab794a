"""Each kind of wall from the inside, without the cost of a worker, and how one is chosen."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from grading_runs import ROOT, marked, package, peek, readable_python, working_sandbox

from grading import box, bubblewrap, users, watch

LIMITS = package().limits


@pytest.fixture(scope="module")
def sandbox():
    return working_sandbox()


def test_nothing_but_two_small_folders_can_be_written_to(sandbox) -> None:
    code = """
out = []
for place, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if place != "/" or f not in ("proc", "usr")]
    try:
        open(os.path.join(place, "new"), "w").close()
        out.append(place)
    except OSError:
        pass
for place in ("/usr", "/usr/lib", "/proc", "/proc/sys", "/sys", "/proc/self"):
    try:
        open(place + "/new", "w").close()
        out.append(place)
    except OSError:
        pass
"""
    assert peek(sandbox, code) == ["/tmp", "/dev/shm"]


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_these_folders_have_a_size(sandbox, place) -> None:
    code = f"""
out = 0
try:
    with open("{place}/big", "wb", buffering=0) as file:
        while out < 1 << 28:
            out += file.write(b"x" * (1 << 16))
except OSError:
    pass
"""
    assert 0 < peek(sandbox, code) <= LIMITS.disk


def test_only_python_and_the_course_can_be_read(sandbox) -> None:
    code = """
out = {"/": sorted(os.listdir("/")), "grader": sorted(os.listdir("/grader/grading")),
       "etc": sorted(os.listdir("/etc")), "course": "optim" in os.listdir("/grader/course_utils"),
       "file": os.path.exists(%r), "network": open("/proc/net/dev").read().count(":"),
       "processes": sorted(int(name) for name in os.listdir("/proc") if name.isdigit())}
"""
    found = peek(sandbox, code % __file__)
    base = Path(sys.base_prefix).parts[1]
    expected = {"bin", "dev", "etc", "grader", "lib", "packages", "proc", "tmp", "usr", base}
    assert set(found["/"]) - {"lib32", "lib64", "sbin"} == expected
    assert set(found["grader"]) - {"__pycache__"} == {*box.INSIDE}
    assert set(found["etc"]) <= {"ld.so.cache", "alternatives"}
    assert (found["course"], found["file"], found["network"]) == (True, False, 1)
    assert len(found["processes"]) <= 2


def test_the_process_is_nobody_and_cannot_become_anybody(sandbox) -> None:
    code = """
import ctypes
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
libc = ctypes.CDLL(None, use_errno=True)
out = {name: status[name].split()[0] for name in ("CapPrm", "CapBnd", "CapAmb", "NoNewPrivs")}
out["namespaces"] = [libc.unshare(flag) for flag in (0x10000000, 0x20000, 0x40000000)]
out["uid"], out["environment"] = os.getuid(), dict(os.environ)
"""
    found = peek(sandbox, code)
    for name in ("CapPrm", "CapBnd", "CapAmb"):
        assert int(found[name], 16) == 0
    assert found["NoNewPrivs"] == "1"
    assert found["namespaces"] == [-1, -1, -1]
    assert found["uid"] != 0
    assert found["environment"].keys() - {"PWD", "LC_CTYPE"} == box.ENVIRONMENT.keys()


def test_root_is_nobody_outside_of_the_sandbox_either(sandbox) -> None:
    with sandbox.open(LIMITS, "print(flush=True); import time; time.sleep(60)") as opened:
        opened.process.stdout.readline()
        last = watch.family(opened.process.pid)[-1]
        status = Path(f"/proc/{last}/status").read_text()
    users_of = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert "0" not in users_of
    assert len(set(users_of)) == 1


def test_a_repository_that_lies_within_what_is_shown_is_covered(sandbox, monkeypatch) -> None:
    monkeypatch.setattr(bubblewrap, "_SYSTEM", (*bubblewrap._SYSTEM, str(ROOT)))
    # Below /tmp the sandbox has something else in its place.
    look = f"path = {str(ROOT)!r}; out = os.listdir(path) if os.path.exists(path) else []"
    assert peek(sandbox, look) == []
    monkeypatch.setattr(bubblewrap, "GRADER", Path("/elsewhere/grading"))
    monkeypatch.setattr(bubblewrap, "INSIDE", ())
    # Uncovered it is seen, so the look above says something.
    assert ROOT.is_relative_to("/tmp") or "README.md" in peek(sandbox, look)


def test_keys_of_the_grader_stay_outside(sandbox) -> None:
    libc = ctypes.CDLL(None)
    key = libc.syscall(248, b"user", b"course-grader-test", b"secret", 6, -3)
    if os.uname().machine != "x86_64" or key < 0:
        pytest.skip("the kernel keeps no keys")
    confine = f"from grading.inside.confine import confine\nconfine({asdict(LIMITS)!r})\n"
    buffer = "ctypes.create_string_buffer(9), 9, 0"
    read = f"import ctypes\nout = ctypes.CDLL(None).syscall(250, 11, {key}, {buffer})"
    try:
        assert peek(sandbox, read) == 6
        assert peek(sandbox, confine + read) == -1
    finally:
        libc.syscall(250, 3, key)


def test_a_sandbox_dies_with_its_grader(sandbox) -> None:
    code = f"""
import sys
sys.path[:0] = {[str(ROOT), str(ROOT / "tests")]!r}
from grading_runs import Marked, package
from grading.bubblewrap import Bubblewrap
marked = Marked(Bubblewrap({sandbox.groups}))
with marked.open(package().limits, "import time; time.sleep(600)") as box:
    print(marked.mark, flush=True)
    box.process.wait()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as grader:
        mark = grader.stdout.readline().decode().strip()
        try:
            assert wait_for(lambda: len(marked(mark)) >= 3)
        finally:
            grader.kill()
    assert mark
    assert wait_for(lambda: not marked(mark))


def wait_for(condition) -> bool:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_an_ordinary_user_has_the_same_wall() -> None:
    if os.geteuid() != 0:
        pytest.skip("all other tests are run by an ordinary user already")
    program = readable_python()
    working_sandbox()
    paths = [str(ROOT), str(ROOT / "tests"), *box.packages()]
    code = "from grading.sandbox import choose; print(choose('bubblewrap').name)"
    done = subprocess.run(
        [*users.drop(), program, "-c", code],
        env={"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.stdout.strip() == "bubblewrap", done.stderr
