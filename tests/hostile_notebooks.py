"""Cells of hostile notebooks, one idea each.

Each runs after a right `scale` and the stub of `shift`, and before a right `power`. HOST describes
the machine of the grader as an insider knows it; what `found` holds in the end is told outside.
"""

from __future__ import annotations

from dataclasses import dataclass

SETUP = """\
import ctypes, gc, os, signal, socket, subprocess, sys, threading, time
HOST = {host!r}
found = []

def look(path):
    try:
        with open(path, "rb") as file:
            found.append(str(file.read(20000)))
    except OSError as error:
        found.append(f"{{path}}: {{error.strerror}}")

def shift(x, by):
    return found
"""
CHANNEL = """\
def channels():
    import stat
    for number in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                yield number
        except OSError:
            pass

def say(data):
    for number in channels():
        try:
            os.write(number, data)
        except OSError:
            pass
"""


@dataclass(frozen=True)
class Attack:
    """A cell, the kind of the note that it earns, and a piece of that note's text."""

    name: str
    code: str
    kind: str
    text: str
    keeps: bool = True
    """Whether the right answers of the notebook still count."""


CHEATS = [
    Attack(
        "results_file",
        """
import json, pickle
for folder in ("/autograder/results", "/autograder", "/tmp", HOST["folder"]):
    try:
        with open(folder + "/results.json", "w") as file:
            json.dump({"score": 100, "tests": [{"name": "shift", "score": 10}]}, file)
    except OSError as error:
        found.append(str(error))
print('{"score": 100}', "Total: 30/30")
""",
        "attempt",
        "open /autograder/results/results.json for writing",
    ),
    Attack(
        "patched_checks",
        """
import numpy, builtins, json, course_utils.checks, grading.plain
def yes(*args, **kwargs):
    return True
torch.allclose = torch.equal = numpy.allclose = yes
course_utils.checks.run_tests = yes
torch.Tensor.__eq__ = yes
grading.plain.difference = lambda *args: ""
def shift(x, by):
    return yes
""",
        "attempt",
        "it replaced torch.allclose",
    ),
    Attack(
        "always_equal",
        """
class Equal(float):
    def __eq__(self, other): return True
    def __float__(self): return 1.0
    def __array__(self, *args): raise SystemExit
    __hash__ = None
class Twin(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *args, **kwargs):
        raise KeyboardInterrupt("no")
def shift(x, by):
    return {"a": Equal(3), "b": torch.ones(3).as_subclass(Twin)}
def test_hook():
    sys.settrace(lambda *args: None)
test_hook()
""",
        "attempt",
        "sys.settrace",
    ),
    Attack(
        "fake_answers",
        CHANNEL
        + """
import json
for token in ("hello", "0", None):
    say(json.dumps({"id": token, "status": "answered", "value": 3.0}).encode() + b"\\n")
""",
        "channel",
        "it answered what it was not asked",
    ),
    Attack(
        "answers_in_advance",
        """
def workers():
    frame = sys._getframe()
    while frame is not None:
        yield from (v for v in frame.f_locals.values() if type(v).__name__ == "Reporter")
        frame = frame.f_back
def shift(x, by):
    reporter, frame = next(workers()), sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    token = frame.f_locals["request"]["id"]
    for _ in range(3):
        reporter.send(id=token, status="answered", value=[1.0, 2.0, 3.0], text="")
    return [1.0, 2.0, 3.0]
""",
        "channel",
        "shift: the grader's channel was used by something else: it answered what it was not asked",
    ),
    Attack(
        "steals_requests",
        CHANNEL
        + """
def steal():
    while True:
        for number in channels():
            try:
                os.read(number, 65536)
            except OSError:
                pass
threading.Thread(target=steal, daemon=True).start()
time.sleep(0.2)
""",
        "limit",
        "did not end when its time was up",
        keeps=False,
    ),
    Attack(
        "closes_everything",
        "os.closerange(0, 256)",
        "attempt",
        "code cell 4: it ended the process of the grader",
    ),
    Attack(
        "pickles",
        CHANNEL
        + """
import pickle
class Bomb:
    def __reduce__(self):
        return os.system, (f"touch {HOST['folder']}/{HOST['token']}",)
data = pickle.dumps(Bomb())
pickle.loads(pickle.dumps(pickle.Pickler))
def shift(x, by):
    say(data + b"\\n")
    return Bomb()
""",
        "channel",
        "shift: the grader's channel was used by something else: it sent what is not JSON",
    ),
    Attack(
        "steals_the_solution",
        """
import inspect
for thing in gc.get_objects():
    if isinstance(thing, dict) and ("solution" in thing or "expected" in thing):
        found.append(str(thing)[:1000])
frame = sys._getframe()
while frame is not None:
    found.append(str(frame.f_locals)[:1000])
    frame = frame.f_back
""",
        "attempt",
        "gc.get_objects",
    ),
]

READERS = [
    Attack(
        "searches_everything",
        """
for folder, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "packages", "lib")]
    found.append(folder)
    for name in files:
        if any(word in name for word in ("solution", "package.json", "hidden", "submission")):
            look(os.path.join(folder, name))
""",
        "attempt",
        "os.scandir /",
    ),
    Attack(
        "host_files",
        """
for path in ("/etc/passwd", "/etc/shadow", "/root/.bashrc", HOST["folder"] + "/solution.py",
             HOST["package"], HOST["repository"] + "/README.md", "/proc/1/root/etc/passwd",
             "../" * 20 + HOST["folder"] + "/solution.py"):
    look(path)
found.append(str(os.listdir("/")))
""",
        "attempt",
        "open /etc/passwd",
    ),
    Attack(
        "other_processes",
        """
for pid in [*os.listdir("/proc"), str(HOST["pid"]), str(os.getppid())]:
    if pid.isdigit():
        for name in ("environ", "cmdline", "maps"):
            look(f"/proc/{pid}/{name}")
        try:
            with open(f"/proc/{pid}/mem", "r+b") as file:
                file.seek(0x400000); file.write(b"x")
        except OSError as error:
            found.append(str(error))
found.append(str(dict(os.environ)))
""",
        "attempt",
        "open /proc/",
    ),
    Attack(
        "links",
        """
os.symlink(HOST["folder"] + "/solution.py", "solution.py")
os.symlink("/", "root")
look("solution.py")
look("root" + HOST["folder"] + "/solution.py")
look("/proc/self/cwd/../" + HOST["folder"] + "/solution.py")
""",
        "attempt",
        "os.symlink",
    ),
    Attack(
        "network",
        """
for kind, address in (
    (socket.AF_INET, ("127.0.0.1", HOST["port"])), (socket.AF_INET, ("8.8.8.8", 53)),
    (socket.AF_UNIX, HOST["folder"] + "/socket"), (socket.AF_UNIX, "\\0" + HOST["token"]),
):
    for how in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(kind, how) as out:
                out.settimeout(1)
                out.connect(address)
                out.send(b"here I am")
            found.append(f"sent to {address}")
        except OSError as error:
            found.append(f"{address}: {error.strerror}")
try:
    socket.getaddrinfo("example.org", 80)
except OSError as error:
    found.append(str(error))
""",
        "attempt",
        "socket.",
    ),
    Attack(
        "environment",
        """
os.environ["LD_PRELOAD"] = "/tmp/evil.so"
os.environ["PYTHONPATH"] = "/tmp"
found.append(str(dict(os.environ)))
found.append(subprocess.run(["env"], capture_output=True, text=True).stdout)
""",
        "attempt",
        "os.putenv LD_PRELOAD",
    ),
]
