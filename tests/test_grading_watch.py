"""Limits on memory and disk that the kernel keeps, and those that the grader looks after."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from grading_runs import groups_left, marked, package, peek

from grading import box, cgroup, watch
from grading.sandbox import Trust

LIMITS = package().limits
CONFINED = f"""
import resource
from grading.inside.confine import confine
confine({asdict(LIMITS)!r})
"""


def test_memory_of_all_processes_and_their_files_is_seen() -> None:
    code = """
import os, time
if os.fork() == 0:
    time.sleep(60)
file = os.memfd_create("hidden")
os.write(file, b"x" * 100_000_000)
print(flush=True)
time.sleep(60)
"""
    with box.started([sys.executable, "-c", code]) as process:
        process.stdout.readline()
        family = watch.family(process.pid)
        assert len(family) == 2

        def exceeded(memory: int) -> str:
            return watch.memory(package(memory=memory).limits, lambda: family)()

        assert exceeded(90_000_000).startswith("it used more than 0.084 GiB of memory")
        assert exceeded(200_000_000) == ""


@pytest.mark.parametrize(("each", "too_much"), [("held", False), ("b'y' * (50 << 20)", True)])
def test_what_forked_processes_share_counts_once(each: str, too_much: bool) -> None:
    code = f"""
import os, time
held = b"x" * (50 << 20)
for _ in range(7):
    if os.fork() == 0:
        own = {each}
        print(flush=True)
        time.sleep(60)
time.sleep(60)
"""
    with box.started([sys.executable, "-c", code]) as process:
        for _ in range(7):
            process.stdout.readline()
        pids = watch.family(process.pid)
        assert sum(map(watch._resident, pids)) > 300 << 20
        said = watch.memory(package(memory=200 << 20).limits, lambda: pids)()
    assert said == ("it used more than 0.2 GiB of memory" if too_much else "")


def test_files_in_folders_are_seen(tmp_path) -> None:
    def places() -> list[str]:
        return [str(tmp_path)]

    assert watch.disk(LIMITS, places)() == ""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_bytes(b"x" * (LIMITS.disk + 1))
    assert watch.disk(LIMITS, places)() == "it wrote more than 8 MiB"


def test_a_control_group_limits_and_goes_away() -> None:
    with cgroup.group(LIMITS) as group:
        if group is None:
            pytest.skip("no control groups can be made here")
        said = subprocess.check_output([*group.prefix, "cat", "/proc/self/cgroup"], text=True)
        assert limit_on_processes(said) == str(LIMITS.processes + 16)
        code = "import time; hog = [b'x' * (1 << 20) for _ in range(5000)]; time.sleep(60)"
        done = subprocess.run([*group.prefix, sys.executable, "-c", code])
        assert done.returncode == -signal.SIGKILL
        assert group.exceeded() == "it used more than 0.59 GiB of memory"
    assert groups_left() == []


def limit_on_processes(groups: str) -> str:
    """Of a process that is in these groups."""
    paths = {kind: path for _, kind, path in (line.split(":", 2) for line in groups.splitlines())}
    path = f"pids/{paths['pids']}" if "pids" in paths else paths[""]
    return Path(f"/sys/fs/cgroup/{path}/pids.max").read_text().strip()


def test_groups_of_a_grader_that_was_killed_go_away(monkeypatch, tmp_path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, other = tmp_path / f"grading-{gone.pid}-0", tmp_path / f"grading-{os.getpid()}-0"
    left.mkdir()
    other.mkdir()
    monkeypatch.setattr(cgroup, "_places", lambda: [tmp_path])
    with cgroup.group(LIMITS) as group:
        assert group is None
    assert list(tmp_path.iterdir()) == [other]


def test_processes_that_left_their_family_are_ended() -> None:
    code = """
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
os.wait()
print(flush=True)
time.sleep(600)  # """
    mark = f"orphan_{secrets.token_hex(8)}"
    with box.started([sys.executable, "-c", code + mark]) as process:
        process.stdout.readline()
        assert len(marked(mark)) == 2
        assert len(watch.family(process.pid)) == 1
    watch.wait_until_gone(marked(mark))
    assert marked(mark) == []


def test_limits_are_for_good() -> None:
    code = """
out = {}
for name in ("FSIZE", "NPROC", "NOFILE", "CPU", "CORE", "AS"):
    kind = getattr(resource, f"RLIMIT_{name}")
    out[name] = resource.getrlimit(kind)
    try:
        resource.setrlimit(kind, (out[name][0] + 1, out[name][1] + 1))
        out[name] = "was lifted"
    except (ValueError, OSError):
        pass
out["score"] = open("/proc/self/oom_score_adj").read().strip()
"""
    found = peek(Trust(), CONFINED + code)
    least, most = found.pop("AS")
    assert least == most
    assert LIMITS.memory < least < LIMITS.memory + (100 << 20)
    assert found == {
        "FSIZE": [LIMITS.disk] * 2,
        "NPROC": [LIMITS.processes] * 2,
        "NOFILE": [256] * 2,
        "CPU": [91] * 2,
        "CORE": [1] * 2,
        "score": "1000",
    }
